//! Who gets what is in flight, and what they make of it.

use envelope::Envelope;
use saga::{Saga, Step, Undo};

use super::service::{Reaches, Said, Service, Trouble};
use super::world::World;

impl<G: Saga> World<G> {
    pub(super) fn deliver(&mut self) {
        self.deliveries += 1;
        let event = self.mail.swap_remove(self.dice.usize(..self.mail.len()));
        let kind = event.event_type.clone();
        self.check_fields(&event);
        let mut forth = self.definition.steps();
        let mut back = self.definition.steps();
        let undoes = |step: &&Step| {
            let undo = step.undo.command();
            undo.is_some_and(|command| command.name == kind)
        };
        if let Some(step) = forth.find(|step| step.command.name == kind) {
            self.ask(step.name, event);
        } else if let Some(step) = back.find(undoes) {
            self.check_order(step.name);
            let said = self.services.get_mut(step.name).and_then(Service::undo);
            self.answer(step.name, said, &event);
            let arrives = |(name, _): &mut (&'static str, Envelope)| {
                *name == step.name && !self.services[step.name].holds_back
            };
            let arrived = self.held_back.extract_if(.., arrives);
            self.late.extend(arrived.map(|(_, event)| event));
        } else if let Undo::By(undo) = self.definition.start.undo
            && undo.command.name == kind
        {
            self.end_start(undo.done[0], &event.data, Some(&event));
        } else {
            self.conduct(event);
        }
    }

    /// A command has all that it needs.
    fn check_fields(&self, event: &Envelope) {
        let mut commands = self.definition.commands();
        if let Some(command) = commands.find(|command| command.name == event.event_type) {
            for field in command.fields {
                let has = event.data.get(field).is_some();
                assert!(has, "{} has no {field}", command.name);
            }
        }
    }

    /// Nothing is undone while something stands that was done later, unless a service forgets that it
    /// undid it.
    fn check_order(&self, undone: &str) {
        let mut troubles = self.plan.troubles.values();
        if troubles.any(|trouble| *trouble == Trouble::DoesAfterUndo) {
            return;
        }
        let stages = self.definition.stages.iter();
        let later = stages.skip_while(|stage| stage.iter().all(|step| step.name != undone));
        for step in later.skip(1).flat_map(|stage| stage.iter()) {
            let stands = self.services[step.name].holds && step.undo.command().is_some();
            assert!(!stands, "{undone} is undone before {}", step.name);
        }
    }

    fn ask(&mut self, step: &'static str, event: Envelope) {
        let definition = self.definition.step(step).expect("a step");
        let ends = matches!(definition.undo, Undo::Never { .. });
        let service = self
            .services
            .get_mut(step)
            .expect("a service for each step");
        // What the end depends on does not happen after it.
        if ends && self.start.1 {
            return;
        }
        if service.holds_back {
            return self.held_back.push((step, event));
        }
        let said = service.ask();
        self.answer(step, said, &event);
    }

    fn answer(&mut self, step: &'static str, said: Option<Said>, command: &Envelope) {
        let Some(said) = said else { return };
        // What calls the saga off is said by whoever it began with.
        if self.definition.called_off_by.contains(&said.event) {
            return self.end_start(said.event, &said.data, Some(command));
        }
        let kind = (said.event, said.version);
        let event = self.event(step, kind, said.data, Some(command));
        match said.reaches {
            Reaches::Soon => self.post(event),
            Reaches::Late => self.late.push(event),
            Reaches::Never => self.lost.push(event),
        }
    }
}

//! What is wrong with a definition, found before it runs: to be asserted empty in a test of each saga.

use std::collections::BTreeSet;

use crate::definition::{Definition, Migration, Retry, Step, Undo};
use crate::saga::Saga;

/// What a command may have besides what was kept.
const REASON: &str = "reason";

/// What is wrong with the definitions of a saga, each as a sentence.
///
/// A saga without flaws asks for nothing that cannot be answered, sends no command that lacks what it
/// needs, and does nothing that cannot be undone before something that can still fail, unless
/// that is said to be on purpose.
#[must_use]
pub fn flaws<S: Saga>() -> Vec<String> {
    let mut flaws = Vec::new();
    if S::DEFINITIONS.is_empty() {
        flaws.push("there is no definition".to_owned());
    }
    let versions: BTreeSet<_> = S::DEFINITIONS.iter().map(|known| known.version).collect();
    if versions.len() < S::DEFINITIONS.len() || versions.contains(&0) {
        flaws.push("each definition has a version of its own, from 1".to_owned());
    }
    for definition in S::DEFINITIONS {
        let of_version = |flaw| format!("version {}: {flaw}", definition.version);
        flaws.extend(definition.flaws().into_iter().map(of_version));
    }
    flaws.extend(
        S::MIGRATIONS
            .iter()
            .flat_map(|rule| rule.flaws(S::DEFINITIONS)),
    );
    flaws
}

impl Definition {
    fn flaws(&self) -> Vec<String> {
        let mut flaws = self.unclear_names();
        flaws.extend(self.unanswered());
        flaws.extend(self.missing_fields());
        flaws.extend(self.points_of_no_return());
        flaws
    }

    /// Each name means one thing, and each answer answers one step.
    fn unclear_names(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let mut names = BTreeSet::from([self.start.name]);
        let mut answers = BTreeSet::from([self.start.event]);
        for step in self.steps() {
            if !names.insert(step.name) {
                flaws.push(format!("two steps are called {}", step.name));
            }
            let undone = step.undo.compensation();
            let undone = undone.iter().flat_map(|undo| undo.done).chain(step.done);
            let undone: Vec<_> = undone.collect();
            for answer in &undone {
                if !answers.insert(**answer) {
                    flaws.push(format!("{answer} answers two questions"));
                }
            }
            let refused = step.refused.iter().map(|refusal| refusal.event);
            for refusal in refused.filter(|refusal| step.done.contains(refusal)) {
                flaws.push(format!("{refusal} says of {} both yes and no", step.name));
            }
        }
        flaws
    }

    /// Whatever is asked for can be answered, in a time that is not none.
    fn unanswered(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let hopeless = |retry: &Retry| retry.attempts == 0 || retry.timeout.is_zero();
        for step in self.steps() {
            if step.done.is_empty() {
                flaws.push(format!("nothing says that {} is done", step.name));
            }
            if hopeless(&step.retry) {
                flaws.push(format!("{} has no attempt, or no time", step.name));
            }
        }
        for (name, undo) in self.undos() {
            let Undo::By(undo) = undo else { continue };
            if undo.done.is_empty() {
                flaws.push(format!("nothing says that {name} is undone"));
            }
            if hopeless(&undo.retry) {
                flaws.push(format!("undoing {name} has no attempt, or no time"));
            }
        }
        flaws
    }

    /// What a command needs was kept before it is sent. An undo can rest only on what came before its step,
    /// because that may have been done without an answer.
    fn missing_fields(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let mut kept: BTreeSet<_> = self.start.keep.iter().copied().collect();
        let start = self.start.undo.command();
        let mut check = |command: crate::Command, kept: &BTreeSet<&str>, fails: bool| {
            for field in command.fields {
                let there = kept.contains(field) || fails && *field == REASON;
                if !there {
                    flaws.push(format!(
                        "{} needs {field}, which nothing kept",
                        command.name
                    ));
                }
            }
        };
        if let Some(command) = start {
            check(command, &kept, true);
        }
        for stage in self.stages {
            for step in *stage {
                check(step.command, &kept, false);
                if let Some(command) = step.undo.command() {
                    check(command, &kept, true);
                }
            }
            kept.extend(stage.iter().flat_map(|step| step.keep));
        }
        flaws
    }

    /// Behind the first step after which there is no way back nothing may refuse; and whoever calls the
    /// saga off has to be asked by it, or comes too late without knowing.
    fn points_of_no_return(&self) -> Vec<String> {
        let mut flaws = Vec::new();
        let is_point = |step: &&Step| step.undo.is_point_of_no_return();
        let mut stages = self.stages.iter().enumerate();
        let first = stages.find(|(_, stage)| stage.iter().any(|step| is_point(&step)));
        let Some((index, stage)) = first else {
            return flaws;
        };
        for step in stage.iter().filter(is_point) {
            let beside_and_behind = self.stages[index..].iter().flat_map(|stage| stage.iter());
            let others = beside_and_behind.filter(|other| other.name != step.name);
            for other in others.filter(|other| !other.refused.is_empty()) {
                let (step, other) = (step.name, other.name);
                flaws.push(format!(
                    "{step} cannot be undone, and {other} can still fail"
                ));
            }
            let asks = |event: &str| step.refused.iter().any(|refusal| refusal.event == event);
            for event in self.called_off_by.iter().filter(|event| !asks(event)) {
                let step = step.name;
                flaws.push(format!(
                    "{step} cannot be undone, and is not refused by {event}"
                ));
            }
        }
        flaws
    }
}

impl Migration {
    fn flaws(&self, definitions: &[Definition]) -> Vec<String> {
        let find = |version| definitions.iter().find(|known| known.version == version);
        let Some(to) = find(self.to) else {
            return vec![format!(
                "sagas migrate to version {}, which there is not",
                self.to
            )];
        };
        // The old definition is only needed to say which steps there may be.
        let Some(from) = find(self.from) else {
            return vec![format!(
                "version {} is migrated from, and must stay known",
                self.from
            )];
        };
        let newer = |old: &'static str| {
            let renamed = self.renamed.iter().find(|(name, _)| *name == old);
            renamed.map_or(old, |(_, new)| *new)
        };
        let lost = from.undos().map(|(name, _)| newer(name));
        let lost = lost.filter(|name| to.undo(name).is_none());
        lost.map(|name| {
            format!(
                "version {} has no step {name}, which sagas may have begun",
                self.to
            )
        })
        .collect()
    }
}

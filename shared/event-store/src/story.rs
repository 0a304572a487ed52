//! What led to what: the events of any number of streams, joined by the ids of their causes.
//!
//! It is made of events that somebody has collected, and never takes them to be all there are: a
//! cause that is not among them ends a chain by name instead of with an error. Events of other
//! systems may claim any cause, so that chains which come back to themselves end, too.

use std::collections::{HashMap, HashSet};
use std::fmt;

use envelope::Envelope;

/// Events of any number of streams, each once, causes in front of what they led to.
#[derive(Debug, Clone, Default)]
pub struct Story {
    events: Vec<Envelope>,
    places: HashMap<String, usize>,
    effects: HashMap<String, Vec<usize>>,
}

/// How an event came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain<'a> {
    /// The event itself, what caused it, what caused that, and so on: the newest first.
    pub events: Vec<&'a Envelope>,
    /// What is in front of the last of them.
    pub origin: Origin,
}

/// What a chain of causes begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A command with this id.
    Command(String),
    /// Another system, which sent the first event of the chain and named no cause for it.
    Elsewhere,
    /// Something with this id that is not in the story: an event of a stream that was not
    /// collected, or of another system.
    Outside(String),
    /// The event with this id, which is in the chain already.
    Cycle(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(id) => write!(f, "command: {id}"),
            Self::Elsewhere => f.write_str("another system"),
            Self::Outside(id) => write!(f, "outside: {id}"),
            Self::Cycle(id) => write!(f, "a cycle, back to: {id}"),
        }
    }
}

/// One of the events that something led to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Effect<'a> {
    /// How many steps lie between it and what was asked about: 1 for a direct effect.
    pub depth: usize,
    /// The event.
    pub event: &'a Envelope,
}

impl Story {
    /// The story that these events tell. Of several with one id the first counts.
    #[must_use]
    pub fn of(events: impl IntoIterator<Item = Envelope>) -> Self {
        let mut known = HashSet::new();
        let first = |event: &Envelope| known.insert(event.event_id.clone());
        let mut events: Vec<_> = events.into_iter().filter(first).collect();
        // Clocks differ, and one machine may do several steps within a millisecond.
        events.sort_by(|one, other| order(one).cmp(&order(other)));
        let (mut places, mut effects) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for (place, event) in events.iter().enumerate() {
            places.insert(event.event_id.as_str().to_owned(), place);
            if let Some(cause) = &event.metadata.causation_id {
                effects.entry(cause.clone()).or_default().push(place);
            }
        }
        Self {
            events,
            places,
            effects,
        }
    }

    /// All events in order of time.
    #[must_use]
    pub fn events(&self) -> &[Envelope] {
        &self.events
    }

    /// The event with this id.
    #[must_use]
    pub fn event(&self, event_id: &str) -> Option<&Envelope> {
        self.places.get(event_id).map(|place| &self.events[*place])
    }

    /// How an event came about, back to the command or the other system that began it. `None` if
    /// the event is not in the story.
    #[must_use]
    pub fn causes(&self, event_id: &str) -> Option<Chain<'_>> {
        let mut event = self.event(event_id)?;
        let (mut events, mut seen) = (vec![event], HashSet::from([event_id]));
        let origin = loop {
            let metadata = &event.metadata;
            let Some(cause) = metadata.causation_id.as_deref() else {
                break Origin::Elsewhere;
            };
            if !seen.insert(cause) {
                break Origin::Cycle(cause.to_owned());
            }
            match self.event(cause) {
                Some(earlier) => event = earlier,
                // A command names its story after itself, and no reaction lies before its events.
                None if metadata.hops == 0 && metadata.correlation_id.as_str() == cause => {
                    break Origin::Command(cause.to_owned());
                }
                None => break Origin::Outside(cause.to_owned()),
            }
            events.push(event);
        };
        Some(Chain { events, origin })
    }

    /// Everything that an event or a command led to, each effect followed by its own effects.
    #[must_use]
    pub fn consequences(&self, cause: &str) -> Vec<Effect<'_>> {
        // What led to itself is not its own consequence.
        let mut seen: HashSet<_> = self.places.get(cause).copied().into_iter().collect();
        let mut found = Vec::new();
        self.follow(self.effects_of(cause, 1), &mut seen, &mut found);
        found
    }

    /// All events as trees: at depth 0 those whose cause is not in the story.
    #[must_use]
    pub fn trees(&self) -> Vec<Effect<'_>> {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        let has_cause = |place: &usize| {
            let cause = self.events[*place].metadata.causation_id.as_ref();
            cause.is_some_and(|cause| self.places.contains_key(cause))
        };
        let (caused, first): (Vec<_>, Vec<_>) = (0..self.events.len()).partition(has_cause);
        // Of what is caused, only cycles are left when their turn comes.
        for place in first.into_iter().chain(caused) {
            self.follow(vec![(place, 0)], &mut seen, &mut found);
        }
        found
    }

    /// Follows the effects depth first, and none of them twice.
    fn follow<'a>(
        &'a self,
        mut pending: Vec<(usize, usize)>,
        seen: &mut HashSet<usize>,
        found: &mut Vec<Effect<'a>>,
    ) {
        while let Some((place, depth)) = pending.pop() {
            if seen.insert(place) {
                let event = &self.events[place];
                found.push(Effect { depth, event });
                pending.extend(self.effects_of(event.event_id.as_str(), depth + 1));
            }
        }
    }

    /// The direct effects, the last one first.
    fn effects_of(&self, cause: &str, depth: usize) -> Vec<(usize, usize)> {
        let effects = self.effects.get(cause).into_iter().flatten().rev();
        effects.map(|place| (*place, depth)).collect()
    }
}

fn order(event: &Envelope) -> impl Ord + '_ {
    (
        event.timestamp,
        event.metadata.hops,
        (&event.aggregate_type, &event.aggregate_id),
        event.version,
    )
}

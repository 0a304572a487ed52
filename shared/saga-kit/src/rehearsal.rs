//! The rehearsal of a saga: everything that can go wrong with it goes wrong, step by step and at random.
//!
//! The saga is conducted by the real [`Conductor`](crate::Conductor) over a store in memory. Its
//! services are models that do what the definition says of them, and what commands they got: they
//! hold something or not. All that is in flight is delivered in any order, some of it twice;
//! conductors die before and after they have stored; answers come late or never; and whoever is waited
//! for in the end steps in. At rest each saga must have ended, all done or all undone, and no
//! service may have done or undone anything twice.
//!
//! A saga passes with three tests of a few lines each:
//!
//! ```no_run
//! # fn of<G: saga::Saga>() {
//! let data = serde_json::json!({ "orderId": "o-1" });
//! saga_kit::rehearsal::repeat_everything::<G>(&data);
//! saga_kit::rehearsal::fail_at_each_step::<G>(&data);
//! saga_kit::rehearsal::seeds::<G>(&data, 0..2_000);
//! # }
//! ```

mod delivery;
mod fragile;
mod service;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use envelope::EventData;
use saga::events::SagaTimerSet;
use saga::{Definition, Phase, Saga, State};
use serde_json::Value;

use service::Trouble;
use world::{Plan, World};

/// The variable that has [`seeds`] play a single one again.
pub const SEED: &str = "REHEARSAL_SEED";

/// How a rehearsal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Completed,
    Compensated,
}

/// Everything that is delivered is delivered three times: each step and each undo has the effect of one.
///
/// # Panics
/// If it has another.
pub fn repeat_everything<G: Saga>(data: &Value) {
    let definition = newest::<G>();
    let repeating = |troubles| Plan {
        copies: 3,
        troubles,
        ..Plan::default()
    };
    let (end, _) = play::<G>(data, 0, repeating(BTreeMap::new()));
    assert_eq!(end, End::Completed, "nothing went wrong");
    for step in definition.steps().filter(|step| !step.refused.is_empty()) {
        let refused = BTreeMap::from([(step.name, Trouble::Refuses)]);
        let (end, _) = play::<G>(data, 0, repeating(refused));
        assert_eq!(end, End::Compensated, "{} was refused", step.name);
    }
}

/// Each kind of failure at each step: refusals, silence, answers that come late, twice and out of order,
/// undos that fail, and conductors that die before and after they stored what an event leads to.
///
/// # Panics
/// If a saga does not end clean, or there is an event at which no conductor died.
pub fn fail_at_each_step<G: Saga>(data: &Value) {
    let mut died = BTreeSet::new();
    for step in newest::<G>().steps() {
        for trouble in Trouble::ALL {
            for crash_at in crashes(newest::<G>()) {
                for copies in [1, 2] {
                    let plan = Plan {
                        copies,
                        troubles: BTreeMap::from([(step.name, trouble)]),
                        crash_at,
                        ..Plan::default()
                    };
                    let (_, struck) = play::<G>(data, copies as u64, plan);
                    died.extend(crash_at.filter(|_| struck.died));
                }
            }
        }
    }
    for crash in crashes(newest::<G>()).into_iter().flatten() {
        assert!(died.contains(&crash), "nobody died at {crash:?}: too easy");
    }
}

/// No crash, and one of each kind at each event that the saga hears in its ordinary course.
fn crashes(definition: &'static Definition) -> Vec<Option<(&'static str, Crash)>> {
    let undos = definition.steps().map(|step| step.undo);
    let undos: Vec<_> = undos.filter_map(|undo| undo.compensation()).collect();
    let undone = undos.iter().map(|undo| undo.done[0]);
    let refused = definition.steps().flat_map(|step| step.refused);
    let done = definition.steps().map(|step| step.done[0]);
    let events = [definition.start.event, SagaTimerSet::TYPE].into_iter();
    let events = events
        .chain(done)
        .chain(undone)
        .chain(refused.map(|refusal| refusal.event));
    let events: BTreeSet<_> = events.collect();
    let crashes = [Crash::BeforeStoring, Crash::AfterStoring];
    let each = events
        .into_iter()
        .flat_map(|event| crashes.map(|crash| Some((event, crash))));
    [None].into_iter().chain(each).collect()
}

/// A story for each seed, in which anything may go wrong, and somebody may call the whole thing off.
///
/// # Panics
/// If a saga does not end clean; the message names the seed, which `REHEARSAL_SEED` plays again.
pub fn seeds<G: Saga>(data: &Value, seeds: Range<u64>) {
    let only = std::env::var(SEED).ok().and_then(|seed| seed.parse().ok());
    let mut seen = BTreeSet::new();
    for seed in only.map_or(seeds, |seed: u64| seed..seed + 1) {
        let named = Named(seed);
        let plan = Plan::drawn(&mut fastrand::Rng::with_seed(seed), newest::<G>());
        seen.extend(plan.troubles.values().map(|trouble| format!("{trouble:?}")));
        let (end, struck) = play::<G>(data, seed, plan);
        let Struck {
            died,
            stuck,
            called_off,
        } = struck;
        let struck = [(died, "died"), (stuck, "stuck"), (called_off, "called off")];
        let struck = struck.into_iter().filter(|(struck, _)| *struck);
        seen.extend(
            struck
                .map(|(_, what)| what.to_owned())
                .chain([format!("{end:?}")]),
        );
        drop(named);
    }
    // Each trouble, each end, and the three things that may happen besides.
    let all = Trouble::ALL.len() + 2 + 3;
    assert!(
        only.is_some() || seen.len() == all,
        "too easy: there was only {seen:?}"
    );
}

/// What happened besides the end.
#[derive(Debug, Clone, Copy, Default)]
struct Struck {
    died: bool,
    stuck: bool,
    called_off: bool,
}

/// When a conductor dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Crash {
    None,
    BeforeStoring,
    AfterStoring,
}

struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {0} failed; play it again with {SEED}={0}", self.0);
        }
    }
}

fn newest<G: Saga>() -> &'static Definition {
    G::DEFINITIONS.first().expect("a saga has a definition")
}

fn play<G: Saga>(data: &Value, seed: u64, plan: Plan) -> (End, Struck) {
    let text = format!("{plan:?}");
    let mut world = World::<G>::new(newest::<G>(), seed, plan);
    world.begin(data);
    world.run_to_rest();
    // What is stuck at several steps may be helped one by one.
    for _ in newest::<G>().steps() {
        if world.state().stuck().next().is_some() {
            world.repair_and_step_in();
        }
    }
    (check(&world, &text), world.struck())
}

/// All done, or all undone, and nothing more than once.
fn check<G: Saga>(world: &World<G>, plan: &str) -> End {
    let state: State = world.state();
    let told = || format!("{plan}\n{state:#?}\n{}", world.story());
    assert!(state.has_ended(), "it never ends: {}", told());
    let end = match state.phase {
        Phase::Completed => End::Completed,
        _ => End::Compensated,
    };
    for step in newest::<G>().steps() {
        let service = world.service(step.name);
        let may_stay = step.undo.command().is_none() && !step.undo.is_point_of_no_return();
        match end {
            End::Completed => assert!(service.holds, "{} is not done: {}", step.name, told()),
            End::Compensated => {
                let undone = !service.holds || may_stay;
                assert!(undone, "{} is not undone: {}", step.name, told());
            }
        }
        assert!(
            service.done <= service.done_max(),
            "{} twice: {}",
            step.name,
            told()
        );
        assert!(
            service.undone <= service.done,
            "{} undone twice: {}",
            step.name,
            told()
        );
    }
    assert!(world.hops_max() <= 1, "attempts count as hops: {}", told());
    let ended = world.start_has_ended();
    assert_eq!(
        ended,
        end == End::Compensated && world.has_begun(),
        "{}",
        told()
    );
    end
}

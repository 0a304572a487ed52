//! What happens when: whose turn it is, and what is delivered to whom.

use envelope::{Envelope, Timestamp};
use futures::future::{join, join_all};
use ports::Clock;
use serde_json::{Value, json};
use tests::rules::on_the_bus;

use crate::world::World;

/// A world that is not at rest after so many steps never will be.
const STEPS_MAX: usize = 60_000;
/// How far the clock is turned while something is still on its way.
const A_WHILE_MS: i64 = 5 * 60 * 1_000;
/// Processes that may be at work at the same time.
const AT_ONCE_MAX: usize = 6;

/// A message in a queue, and how often it was delivered.
pub(crate) struct Queued {
    id: String,
    body: Value,
    attempt: u32,
}

impl World {
    pub(crate) fn enqueue(&mut self, function: &'static str, body: Value) {
        self.messages += 1;
        let message = Queued {
            id: self.messages.to_string(),
            body,
            attempt: 1,
        };
        self.queue(function).push(message);
    }

    fn queue(&mut self, function: &'static str) -> &mut Vec<Queued> {
        self.queues
            .get_mut(function)
            .expect("a queue for each function")
    }

    /// Until nothing is left to relay or to deliver, nobody wants to cancel any more, and no timer
    /// is set.
    pub(crate) async fn run_to_rest(&mut self) {
        for _ in 0..STEPS_MAX {
            self.ring();
            let idle = self.queues.values().all(Vec::is_empty);
            let behind = !self.store.log_from(self.relayed).is_empty();
            if idle && !behind {
                match (self.cancellations.is_empty(), self.next_timer()) {
                    (false, _) => self.hurry(),
                    (true, None) => return,
                    (true, Some(next)) => {
                        self.clock.advance_to(next);
                        continue;
                    }
                }
            } else if self.haste.is_some_and(|steps| self.dice.below(steps) == 0) {
                let soon = self.clock.now().as_millis() + A_WHILE_MS;
                self.clock.advance_to(Timestamp::from_millis(soon));
            }
            if behind && (idle || self.dice.below(3) == 0) {
                self.relay().await;
            } else {
                self.work().await;
            }
        }
        panic!("the world does not come to rest: something waits for ever");
    }

    /// Delivers the messages of the timers whose moment has come, some of them twice.
    fn ring(&mut self) {
        for (function, timers) in self.timers.clone() {
            for message in timers.due(self.clock.now()) {
                self.enqueue(function, message.clone());
                if self.dice.message_comes_twice() {
                    self.enqueue(function, message);
                }
            }
        }
    }

    fn next_timer(&self) -> Option<Timestamp> {
        self.timers
            .iter()
            .filter_map(|(_, timers)| timers.next())
            .min()
    }

    fn deadline(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now().as_millis() + 30_000)
    }

    /// One invocation of the relay: some of the records, and on from where it says it got. If it
    /// dies after its work all of them come again.
    async fn relay(&mut self) {
        let mut commits = self.store.log_from(self.relayed);
        commits.truncate(1 + self.dice.below(20));
        let records: Vec<_> = commits
            .iter()
            .enumerate()
            .map(|(index, commit)| adapter_dynamodb::record_of_commit(commit, &index.to_string()))
            .collect();
        let answer = self
            .relay
            .handle(json!({"Records": records}), self.deadline(), true)
            .await
            .expect("partial");
        if !self.dice.function_dies() {
            let failed = answer["batchItemFailures"][0]["itemIdentifier"].as_str();
            self.relayed += failed.map_or(commits.len(), |index| index.parse().expect("an index"));
        }
        for event in self.bus.take() {
            self.route(&event);
        }
    }

    /// At least once, to everyone whose rule wants it. What reaches a function that is not in this
    /// world is lost in it.
    fn route(&mut self, event: &Envelope) {
        let detail = serde_json::to_value(event).expect("an envelope is JSON");
        let body = on_the_bus("event-router", &event.event_type, &detail);
        let reached = self.rules.reached(&body).expect("an event");
        let names: Vec<&'static str> = self.functions.keys().copied().collect();
        for name in names.into_iter().filter(|name| reached.contains(*name)) {
            self.enqueue(name, body.clone());
            if self.dice.message_comes_twice() {
                self.enqueue(name, body.clone());
            }
        }
    }

    /// Some processes at the same time, two of one function perhaps, each with a batch of whatever
    /// is in its queue, in any order; and customers who cancel meanwhile.
    async fn work(&mut self) {
        let mut hands = Vec::new();
        for (name, processes) in &self.functions {
            if !self.queues[name].is_empty() {
                hands.extend((0..processes.len()).map(|process| (*name, process)));
            }
        }
        self.dice.shuffle(&mut hands);
        hands.truncate(1 + self.dice.below(AT_ONCE_MAX));
        let mut invocations = Vec::new();
        for (name, process) in hands {
            let batch = self.take(name);
            let answer = self.functions[name][process](payload(&batch), self.deadline());
            invocations.push(async move { (name, batch, answer.await) });
        }
        let mut requests = Vec::new();
        for cancellation in self.take_cancellations() {
            let told = self.cancel(&cancellation);
            requests.push(async move { (cancellation, told.await) });
        }
        let (answers, told) = join(join_all(invocations), join_all(requests)).await;
        for (name, batch, answer) in answers {
            self.settle(name, batch, &answer);
        }
        for (cancellation, told) in told {
            self.note(cancellation, told);
        }
    }

    /// Has one function work until its queue is empty, and nobody else.
    pub(crate) async fn work_off(&mut self, name: &'static str) {
        while !self.queues[name].is_empty() {
            let batch = self.take(name);
            let answer = self.functions[name][0](payload(&batch), self.deadline()).await;
            self.settle(name, batch, &answer);
        }
    }

    fn take(&mut self, name: &'static str) -> Vec<Queued> {
        let dice = self.dice.clone();
        let queue = self.queue(name);
        dice.shuffle(queue);
        let size = queue.len().min(1 + dice.below(10));
        queue.drain(..size).collect()
    }

    /// What failed comes again; all of it, if the function died after its work.
    fn settle(&mut self, name: &'static str, batch: Vec<Queued>, answer: &Value) {
        let died = self.dice.function_dies();
        let failed = answer["batchItemFailures"].as_array().expect("a list");
        for mut message in batch {
            if died || failed.iter().any(|f| f["itemIdentifier"] == message.id) {
                message.attempt += 1;
                self.queue(name).push(message);
            }
        }
    }
}

/// A batch as Lambda gets it from a queue.
fn payload(batch: &[Queued]) -> Value {
    let record = |message: &Queued| {
        json!({"messageId": message.id, "body": message.body.to_string(),
               "attributes": {"ApproximateReceiveCount": message.attempt.to_string()}})
    };
    json!({"Records": batch.iter().map(record).collect::<Vec<_>>()})
}

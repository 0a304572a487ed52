//! `cargo dev bench outside`: what the checkout notices of a slow payment provider and an e-mail service that is down.
//!
//! The story behind the project is a shop that lost its checkout to both. Here the same orders are placed twice, at the
//! same pace, on the same stack: with partners that work, and with a provider that takes 8 s while the sender's address
//! has been taken from the e-mail service, so that it refuses every message.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::Outside;
use crate::cloud::Cloud;
use crate::http;
use crate::issuer::Caller;
use crate::percentile::percentile;
use crate::progress::{Step, say};
use crate::seed::{CUSTOMERS, PRODUCTS};
use crate::stack::{Emulated, NAME, Stack, StackOptions, local_parameters};
use crate::status::depth;
use crate::table::Table;

/// Orders are placed at this pace, whatever becomes of them: well within what an emulator carries out.
const PACE: Duration = Duration::from_millis(250);
/// Placed before anything is measured, so that every function has been started once.
const WARM_UP: u32 = 10;
/// How much longer accepting may take.
const RATIO_MAX: f64 = 1.5;
/// Without any order ending for this long, nothing more is waited for.
const STALL_MAX: Duration = Duration::from_secs(90);
const ASKED_AT_ONCE: usize = 20;
/// Nothing to do so many times in a row is the end.
const LOOKS_AT_REST: u32 = 5;
const POLL: Duration = Duration::from_secs(1);
/// An order is told of twice: when it is placed and when it is shipped.
const NOTICES: u64 = 2;

/// What is measured of one story.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Story {
    orders: u32,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
    shipped: u32,
    email_dead_letters: u64,
    other_dead_letters: u64,
}

pub(crate) async fn run(options: &Outside) -> Result<ExitCode> {
    // Two attempts are enough to see that e-mail fails, and keep the waits between them short.
    let attempts = ("AttemptsMax".to_owned(), "2".to_owned());
    let stack = Stack::start(StackOptions {
        parameters: [attempts].into(),
        ..StackOptions::default()
    });
    let bench = Bench::of(stack.await?).await?;
    bench
        .story("Warming up", WARM_UP, "sandbox-approve", true)
        .await?;
    let quiet = bench
        .story(
            "Partners that work",
            options.orders,
            "sandbox-approve",
            true,
        )
        .await?;
    bench.take_email_down().await?;
    let outside = bench
        .story(
            "Payment takes 8 s, e-mail fails",
            options.orders,
            "sandbox-slow-8000",
            false,
        )
        .await?;
    let ratio = outside.p99_us as f64 / quiet.p99_us.max(1) as f64;
    let right = quiet.email_dead_letters == 0
        && outside.email_dead_letters == NOTICES * u64::from(options.orders)
        && [&quiet, &outside]
            .iter()
            .all(|story| story.shipped == story.orders && story.other_dead_letters == 0);
    if options.output.json {
        say!(
            "{:#}",
            json!({ "quiet": quiet, "outside": outside, "p99Ratio": ratio, "everyOrderEndedRight": right })
        );
    } else {
        say!("{}", table(&quiet, &outside));
        say!("p99 of accepting: {ratio:.2} times as long; every order ended right: {right}");
    }
    Ok(if right && ratio <= RATIO_MAX {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

struct Bench {
    stack: Stack,
    cloud: Cloud,
    http: reqwest::Client,
    token: String,
}

impl Bench {
    async fn of(stack: Stack) -> Result<Self> {
        Ok(Self {
            cloud: Cloud::at(stack.endpoint()).await,
            http: http::client()?,
            token: stack.token(&Caller::Operator, 7_200)?,
            stack,
        })
    }

    /// Places orders one after the other, each at its time, and waits until they and their notices have ended.
    async fn story(
        &self,
        name: &str,
        orders: u32,
        method: &str,
        email_works: bool,
    ) -> Result<Story> {
        let before = self.dead_letters().await?;
        let step = Step::counted(name, u64::from(orders));
        let (mut ids, mut took_us) = (Vec::new(), Vec::new());
        let started = Instant::now();
        for number in 0..orders {
            tokio::time::sleep((PACE * number).saturating_sub(started.elapsed())).await;
            let asked = Instant::now();
            ids.push(self.place(number, method).await?);
            took_us.push(u64::try_from(asked.elapsed().as_micros())?);
            step.at(u64::from(number) + 1);
        }
        let shipped = self.wait(&step, ids).await?;
        let lost = if email_works {
            0
        } else {
            NOTICES * u64::from(orders)
        };
        let after = self.settle(&step, before.0 + lost).await?;
        step.done(format!("{shipped} of {orders} shipped"));
        took_us.sort_unstable();
        Ok(Story {
            orders,
            p50_us: percentile(&took_us, 50),
            p99_us: percentile(&took_us, 99),
            max_us: percentile(&took_us, 100),
            shipped,
            email_dead_letters: after.0 - before.0,
            other_dead_letters: after.1 - before.1,
        })
    }

    async fn place(&self, number: u32, method: &str) -> Result<String> {
        let product = format!("prod-{}", 1 + number % PRODUCTS);
        let order = json!({
            "customerId": format!("cust-{}", 1 + number % CUSTOMERS),
            "items": [{ "productId": product, "quantity": 1, "unitPrice": { "amount": 1_000, "currency": "EUR" } }],
            "shippingAddress": { "name": "Load Example", "line1": "Hauptstr. 1", "city": "Berlin", "country": "DE" },
            "payment": { "method": method },
        });
        let url = format!("{}/orders", self.stack.env("API_URL"));
        let answer = self
            .http
            .post(url)
            .bearer_auth(&self.token)
            .json(&order)
            .send()
            .await;
        let answer = answer.context("the API does not answer")?;
        let status = answer.status();
        let body: Value = answer
            .json()
            .await
            .context("the API does not answer in JSON")?;
        ensure!(status == 202, "an order was not taken: {status} {body}");
        Ok(body["orderId"]
            .as_str()
            .context("an order without an id")?
            .to_owned())
    }

    /// Waits until all have ended, or nothing moves any more; how many were shipped.
    async fn wait(&self, step: &Step, mut open: Vec<String>) -> Result<u32> {
        let (mut shipped, mut moved) = (0, Instant::now());
        while !open.is_empty() && moved.elapsed() < STALL_MAX {
            step.now(format!("{} on their way", open.len()));
            tokio::time::sleep(POLL).await;
            // The oldest end first: asking about all would only load the machine.
            let rest = open.split_off(open.len().min(ASKED_AT_ONCE));
            let (asked, mut still_open) = (open.len(), Vec::new());
            for id in open {
                let url = format!("{}/orders/{id}/status", self.stack.env("API_URL"));
                let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
                let body: Value = answer.json().await?;
                match body["stage"].as_str() {
                    Some("done") => shipped += 1,
                    Some("failed" | "cancelled") => {}
                    _ => still_open.push(id),
                }
            }
            if still_open.len() < asked {
                moved = Instant::now();
            }
            still_open.extend(rest);
            open = still_open;
        }
        Ok(shipped)
    }

    /// Waits until no queue has anything more to do and so many e-mails were given up, or nothing more is to be
    /// expected. Returns the dead letters.
    async fn settle(&self, step: &Step, emails: u64) -> Result<(u64, u64)> {
        step.now("the rest of the work");
        let (mut at_rest, began) = (0, Instant::now());
        loop {
            let letters = self.dead_letters().await?;
            let mut busy = 0;
            for function in ["email-customer", "text-customer", "conclude-order"] {
                let name = format!("{NAME}-{function}");
                let url = self
                    .cloud
                    .sqs()
                    .get_queue_url()
                    .queue_name(name)
                    .send()
                    .await?;
                let url = url.queue_url().unwrap_or_default();
                let (waiting, in_flight) = depth(&self.cloud, url).await?;
                busy += waiting + in_flight;
            }
            // More than once: what has left one queue may not be in the next yet.
            at_rest = if busy == 0 && letters.0 >= emails {
                at_rest + 1
            } else {
                0
            };
            if at_rest == LOOKS_AT_REST || began.elapsed() > STALL_MAX {
                return Ok(letters);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Those of e-mail, and all others.
    async fn dead_letters(&self) -> Result<(u64, u64)> {
        let (mut email, mut others) = (0, 0);
        for (function, url) in crate::env_file::dead_letter_queues(self.stack.variables()) {
            let (waiting, in_flight) = depth(&self.cloud, &url).await?;
            if function == "email-customer" {
                email += waiting + in_flight;
            } else {
                others += waiting + in_flight;
            }
        }
        Ok((email, others))
    }

    /// Takes the sender's address from the e-mail service, which refuses every message from now on.
    async fn take_email_down(&self) -> Result<()> {
        let sender = &local_parameters(Emulated::ByMiniStack)["EmailSender"];
        let deleted = self
            .cloud
            .ses()
            .delete_email_identity()
            .email_identity(sender)
            .send()
            .await;
        deleted.context("the e-mail service does not let go of the sender's address")?;
        Ok(())
    }
}

fn table(quiet: &Story, outside: &Story) -> Table {
    let mut table = Table::new([
        "accepting an order",
        "p50",
        "p99",
        "longest",
        "shipped",
        "e-mails given up",
    ]);
    let ms = |us: u64| format!("{:.1} ms", us as f64 / 1_000.0);
    for (name, story) in [
        ("partners that work", quiet),
        ("payment takes 8 s, e-mail fails", outside),
    ] {
        table.row([
            name.to_owned(),
            ms(story.p50_us),
            ms(story.p99_us),
            ms(story.max_us),
            format!("{} of {}", story.shipped, story.orders),
            story.email_dead_letters.to_string(),
        ]);
    }
    table
}

//! The outside parties, each with a book of what it did for whom, behind the same network.
//!
//! The books are kept where the sandbox has answered, before an answer can be lost: they say what
//! became of the customer's money, whatever the system believes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use domain::OrderId;
use partners::{
    Carrier, Charge, ChargeError, PaymentProvider, Pickup, PickupError, Receipt, Refund,
    SandboxCarrier, SandboxPayments,
};
use ports::{ManualClock, Unavailable};

use crate::faults::Dice;

/// What was done under each idempotency key.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Books {
    /// Amount and receipt of each charge.
    pub(crate) charges: BTreeMap<String, (i64, String)>,
    /// Amount of each refund, and the receipt of its charge.
    pub(crate) refunds: BTreeMap<String, (i64, String)>,
    /// Amount of each charge that was voided, by the key of the charge.
    pub(crate) voids: BTreeMap<String, i64>,
    /// Order and tracking number of each parcel.
    pub(crate) parcels: BTreeMap<String, (String, String)>,
    /// Orders whose parcels were recalled.
    pub(crate) recalls: BTreeSet<String>,
}

/// The payment provider and the carrier.
#[derive(Clone)]
pub(crate) struct Ledger {
    payments: SandboxPayments<ManualClock>,
    carrier: SandboxCarrier<ManualClock>,
    dice: Dice,
    books: Arc<Mutex<Books>>,
}

impl Ledger {
    pub(crate) fn new(clock: &ManualClock, dice: &Dice) -> Self {
        Self {
            payments: SandboxPayments::new(clock.clone()),
            carrier: SandboxCarrier::new(clock.clone()),
            dice: dice.clone(),
            books: Arc::default(),
        }
    }

    pub(crate) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().expect("no user panicked")
    }
}

/// Writes down what was asked for under a key; the same key must ask for the same again.
fn enter<E: PartialEq + Debug>(book: &mut BTreeMap<String, E>, key: &str, entry: E) {
    if let Some(before) = book.get(key) {
        assert_eq!(*before, entry, "{key} was asked for something else before");
    }
    book.insert(key.to_owned(), entry);
}

impl PaymentProvider for Ledger {
    async fn charge(&self, charge: &Charge<'_>) -> Result<Receipt, ChargeError> {
        self.dice.travel().await?;
        let receipt = self.payments.charge(charge).await?;
        let entry = (charge.amount.amount, receipt.reference.clone());
        enter(&mut self.books().charges, charge.idempotency_key, entry);
        self.dice.answer()?;
        Ok(receipt)
    }

    async fn refund(&self, refund: &Refund<'_>) -> Result<Receipt, Unavailable> {
        self.dice.travel().await?;
        let receipt = self.payments.refund(refund).await?;
        let entry = (refund.amount.amount, refund.charge_reference.to_owned());
        enter(&mut self.books().refunds, refund.idempotency_key, entry);
        self.dice.answer()?;
        Ok(receipt)
    }

    /// A charge that comes after it is not stopped by it: the weakest provider that the contract allows.
    async fn void(&self, charge_key: &str) -> Result<(), Unavailable> {
        self.dice.travel().await?;
        self.payments.void(charge_key).await?;
        let charge = self.books().charges.get(charge_key).cloned();
        if let Some((amount, _)) = charge {
            enter(&mut self.books().voids, charge_key, amount);
        }
        self.dice.answer()
    }
}

impl Carrier for Ledger {
    async fn pick_up(&self, pickup: &Pickup<'_>) -> Result<String, PickupError> {
        self.dice.travel().await?;
        let number = self.carrier.pick_up(pickup).await?;
        let entry = (pickup.order_id.to_string(), number.clone());
        enter(&mut self.books().parcels, pickup.idempotency_key, entry);
        self.dice.answer()?;
        Ok(number)
    }

    /// A parcel that is taken after it is not brought back by it.
    async fn recall(&self, order_id: &OrderId) -> Result<(), Unavailable> {
        self.dice.travel().await?;
        self.carrier.recall(order_id).await?;
        let taken = |books: &Books| {
            let mut parcels = books.parcels.values();
            parcels.any(|(order, _)| order == order_id.as_str())
        };
        let mut books = self.books();
        if taken(&books) {
            books.recalls.insert(order_id.to_string());
        }
        drop(books);
        self.dice.answer()
    }
}

//! The same faults in front of timers.

use envelope::Timestamp;
use ports::{Timers, Unavailable};
use serde_json::Value;

use super::Faulty;

impl<T: Timers> Timers for Faulty<T> {
    async fn set(&self, name: &str, at: Timestamp, message: &Value) -> Result<(), Unavailable> {
        self.before_write().await?;
        self.inner.set(name, at, message).await?;
        self.loses()
    }
}

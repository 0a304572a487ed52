//! Who is connected, and what each of them wants to hear about.
//!
//! A connection and its subscriptions change together: what is closed has none left, also when a
//! subscription arrives at that very moment. Callers and topics are texts here; what they mean is the
//! business of those who write and read them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use envelope::Timestamp;

use crate::{Passing, Unavailable};

/// An open connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Whose it is, as it was opened.
    pub caller: String,
    /// When it has ended at the latest. What is left of it then disappears by itself, some day.
    pub until: Timestamp,
    /// What it is subscribed to.
    pub topics: BTreeSet<String>,
}

/// Why a connection was not subscribed.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// It is closed, or was never opened.
    #[error("the connection is not open")]
    NotOpen,
    /// It has as many subscriptions as it may have.
    #[error("the connection has too many subscriptions")]
    TooMany,
    /// The table did not answer as it should.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Passing for SubscribeError {
    fn unavailable(&self) -> Option<&Unavailable> {
        match self {
            Self::Unavailable(error) => Some(error),
            Self::NotOpen | Self::TooMany => None,
        }
    }
}

/// Writes down who is connected and what they subscribe to.
pub trait KeepConnections: Clone + Send + Sync + 'static {
    /// A connection is open, without subscriptions.
    ///
    /// # Errors
    /// [`Unavailable`]; the same again does no harm.
    ///
    /// # Cost
    /// One request and one write unit.
    fn open(
        &self,
        id: &str,
        caller: &str,
        until: Timestamp,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;

    /// The connection, if it is open, as everything that was answered before has left it.
    ///
    /// # Errors
    /// [`Unavailable`].
    ///
    /// # Cost
    /// One request and one read unit.
    fn find(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Connection>, Unavailable>> + Send;

    /// Subscribes an open connection to a topic, until the moment at which the connection ends.
    /// Whoever looks for the topic's subscribers from now on finds it. To subscribe again changes
    /// nothing, and is allowed also where no more are.
    ///
    /// # Errors
    /// [`SubscribeError::NotOpen`] and [`SubscribeError::TooMany`], beyond `max` topics, with which
    /// nothing was changed; [`SubscribeError::Unavailable`], after which it is unknown.
    ///
    /// # Cost
    /// One request and four write units.
    fn subscribe(
        &self,
        id: &str,
        topic: &str,
        until: Timestamp,
        max: usize,
    ) -> impl Future<Output = Result<(), SubscribeError>> + Send;

    /// Ends a subscription, if there is one.
    ///
    /// # Errors
    /// [`Unavailable`]; the same again does no harm.
    ///
    /// # Cost
    /// One request and four write units.
    fn unsubscribe(
        &self,
        id: &str,
        topic: &str,
    ) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Forgets connections.
pub trait CloseConnection: Clone + Send + Sync + 'static {
    /// The connection is gone, and with it everything that it was subscribed to. Nothing happens if
    /// it is not open.
    ///
    /// # Errors
    /// [`Unavailable`]: a part may be left, with which the same again can begin.
    ///
    /// # Cost
    /// Two requests, a read unit and a write unit; one request and one write unit more for each topic.
    fn close(&self, id: &str) -> impl Future<Output = Result<(), Unavailable>> + Send;
}

/// Tells who wants to hear about something.
pub trait FindSubscribers: Clone + Send + Sync + 'static {
    /// The ids of the connections that are subscribed to a topic, `max` of them at most and then
    /// always the same ones. None that was subscribed before is missing, and none is among them that
    /// ended a second before `now` or earlier, whatever is left of it.
    ///
    /// # Errors
    /// [`Unavailable`].
    ///
    /// # Cost
    /// One request and a read unit for each 4 KB, which are some forty connections; more where much
    /// is left of those that have ended.
    fn subscribers(
        &self,
        topic: &str,
        now: Timestamp,
        max: usize,
    ) -> impl Future<Output = Result<Vec<String>, Unavailable>> + Send;
}

/// Connections in memory. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct MemoryConnections(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<String, Connection>,
    unavailable: u32,
}

impl MemoryConnections {
    /// The next `times` requests fail and have no effect.
    pub fn be_unavailable(&self, times: u32) {
        self.state().unavailable += times;
    }

    /// The ids of all open connections.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.state().open.keys().cloned().collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no user panicked")
    }

    fn request(&self) -> Result<MutexGuard<'_, State>, Unavailable> {
        let mut state = self.state();
        if state.unavailable > 0 {
            state.unavailable -= 1;
            return Err(Unavailable::new("connections", "told to be unavailable"));
        }
        Ok(state)
    }
}

impl KeepConnections for MemoryConnections {
    async fn open(&self, id: &str, caller: &str, until: Timestamp) -> Result<(), Unavailable> {
        let connection = Connection {
            caller: caller.to_owned(),
            until,
            topics: BTreeSet::new(),
        };
        self.request()?.open.insert(id.to_owned(), connection);
        Ok(())
    }

    async fn find(&self, id: &str) -> Result<Option<Connection>, Unavailable> {
        Ok(self.request()?.open.get(id).cloned())
    }

    async fn subscribe(
        &self,
        id: &str,
        topic: &str,
        _: Timestamp,
        max: usize,
    ) -> Result<(), SubscribeError> {
        let mut state = self.request()?;
        let connection = state.open.get_mut(id).ok_or(SubscribeError::NotOpen)?;
        if !connection.topics.contains(topic) && connection.topics.len() >= max {
            return Err(SubscribeError::TooMany);
        }
        connection.topics.insert(topic.to_owned());
        Ok(())
    }

    async fn unsubscribe(&self, id: &str, topic: &str) -> Result<(), Unavailable> {
        if let Some(connection) = self.request()?.open.get_mut(id) {
            connection.topics.remove(topic);
        }
        Ok(())
    }
}

impl CloseConnection for MemoryConnections {
    async fn close(&self, id: &str) -> Result<(), Unavailable> {
        self.request()?.open.remove(id);
        Ok(())
    }
}

impl FindSubscribers for MemoryConnections {
    async fn subscribers(
        &self,
        topic: &str,
        now: Timestamp,
        max: usize,
    ) -> Result<Vec<String>, Unavailable> {
        let state = self.request()?;
        let open = state.open.iter().filter(|(_, c)| c.until > now);
        let subscribed = open.filter(|(_, c)| c.topics.contains(topic));
        Ok(subscribed.map(|(id, _)| id.clone()).take(max).collect())
    }
}

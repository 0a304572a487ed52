//! The channels to a customer.

use std::sync::{Arc, Mutex};

use ports::Unavailable;

/// An e-mail in plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email {
    /// Address of the customer.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Text.
    pub body: String,
}

/// A text message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sms {
    /// Number in E.164 form.
    pub to: String,
    /// Text.
    pub body: String,
}

/// Why a message was not sent. It never says to whom: errors end in logs.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// The channel refuses this message. Final. Holds the channel's error code.
    #[error("the channel refuses the message: {0}")]
    Refused(String),
    /// The channel did not answer as it should. The message may have been sent.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Sends e-mail. At least once: a second call sends a second mail.
pub trait SendEmail: Clone + Send + Sync + 'static {
    /// Hands a mail to the channel.
    fn send(&self, email: &Email) -> impl Future<Output = Result<(), NoticeError>> + Send;
}

/// Sends text messages. At least once: a second call sends a second message.
pub trait SendSms: Clone + Send + Sync + 'static {
    /// Hands a message to the channel.
    fn send(&self, sms: &Sms) -> impl Future<Output = Result<(), NoticeError>> + Send;
}

/// Both channels in memory.
#[derive(Debug, Clone, Default)]
pub struct SentNotices {
    emails: Arc<Mutex<Vec<Email>>>,
    texts: Arc<Mutex<Vec<Sms>>>,
}

impl SentNotices {
    /// All mails so far.
    ///
    /// # Panics
    /// If another user panicked.
    #[must_use]
    pub fn emails(&self) -> Vec<Email> {
        self.emails.lock().expect("no user panicked").clone()
    }

    /// All text messages so far.
    ///
    /// # Panics
    /// If another user panicked.
    #[must_use]
    pub fn texts(&self) -> Vec<Sms> {
        self.texts.lock().expect("no user panicked").clone()
    }
}

impl SendEmail for SentNotices {
    async fn send(&self, email: &Email) -> Result<(), NoticeError> {
        self.emails
            .lock()
            .expect("no user panicked")
            .push(email.clone());
        Ok(())
    }
}

impl SendSms for SentNotices {
    async fn send(&self, sms: &Sms) -> Result<(), NoticeError> {
        self.texts
            .lock()
            .expect("no user panicked")
            .push(sms.clone());
        Ok(())
    }
}

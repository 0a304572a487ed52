//! A ticket: who may open a connection, for a minute.
//!
//! A WebSocket API has no authoriser for tokens, and browsers set no header on a handshake. So the
//! token is checked where all others are, at the HTTP API, and what goes into the address of the
//! socket, where logs of others may keep it, is worth little soon after: an HMAC-SHA-256 over expiry,
//! end of the token, and caller, under a key of its own. It is not used up: within its minute it opens
//! connections, all of the same caller, none of which outlives the token.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use envelope::Timestamp;
use hmac::{Hmac, KeyInit, Mac};
use http_api::Caller;
use sha2::Sha256;

use crate::{caller_in, text_of};

/// How long a ticket opens connections.
pub const LIFETIME: Duration = Duration::from_secs(60);

/// A longer text is none of ours: a token's subject has at most 255 characters
/// (<https://openid.net/specs/openid-connect-core-1_0.html#IDToken>).
const BYTES_MAX: usize = 512;

/// Issues and checks tickets.
#[derive(Clone)]
pub struct Tickets(Hmac<Sha256>);

/// A ticket, as it is put into an address: no character of it needs to be escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// The ticket.
    pub text: String,
    /// The first moment at which it is worth nothing.
    pub expires_at: Timestamp,
}

/// Who gets in with a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// Whose ticket it is.
    pub caller: Caller,
    /// When the token expires that the ticket was asked for with, if it does.
    pub until: Option<Timestamp>,
}

/// Why nobody gets in with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTicket {
    /// It was not issued here, or not like this.
    #[error("the ticket was not issued by this system")]
    Forged,
    /// Its time is over.
    #[error("the ticket has expired")]
    Expired,
}

impl Tickets {
    /// Tickets under the stack's key for them.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).expect("HMAC takes a key of any length"))
    }

    /// A ticket for this caller from now on, whose token expires at `until`, and the ticket then, too.
    #[must_use]
    pub fn issue(&self, caller: &Caller, until: Option<Timestamp>, now: Timestamp) -> Ticket {
        let lifetime_ms = i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let expires_at = Timestamp::from_millis(now.as_millis().saturating_add(lifetime_ms));
        let expires_at = until.map_or(expires_at, |until| until.min(expires_at));
        let caller = BASE64_URL_SAFE_NO_PAD.encode(text_of(caller));
        let until = until.map(|until| until.as_millis().to_string());
        let until = until.unwrap_or_default();
        let claims = format!("{}.{until}.{caller}", expires_at.as_millis());
        let mac = self.mac(&claims).finalize().into_bytes();
        let mac = BASE64_URL_SAFE_NO_PAD.encode(mac);
        Ticket {
            text: format!("{claims}.{mac}"),
            expires_at,
        }
    }

    /// Who gets in with it. The mac is compared in constant time, and nothing is read before it is right.
    ///
    /// # Errors
    /// [`BadTicket`].
    pub fn check(&self, ticket: &str, now: Timestamp) -> Result<Admitted, BadTicket> {
        if ticket.len() > BYTES_MAX {
            return Err(BadTicket::Forged);
        }
        let (claims, mac) = ticket.rsplit_once('.').ok_or(BadTicket::Forged)?;
        let mac = BASE64_URL_SAFE_NO_PAD.decode(mac);
        let mac = mac.map_err(|_| BadTicket::Forged)?;
        let verified = self.mac(claims).verify_slice(&mac);
        verified.map_err(|_| BadTicket::Forged)?;
        let (expires_at, admitted) = read(claims).ok_or(BadTicket::Forged)?;
        if now >= expires_at {
            return Err(BadTicket::Expired);
        }
        Ok(admitted)
    }

    fn mac(&self, claims: &str) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(claims.as_bytes());
        mac
    }
}

fn read(claims: &str) -> Option<(Timestamp, Admitted)> {
    let (expires_at, rest) = claims.split_once('.')?;
    let (until, caller) = rest.split_once('.')?;
    let until = match until {
        "" => None,
        until => Some(moment(until)?),
    };
    let caller = BASE64_URL_SAFE_NO_PAD.decode(caller).ok()?;
    let caller = caller_in(std::str::from_utf8(&caller).ok()?)?;
    Some((moment(expires_at)?, Admitted { caller, until }))
}

fn moment(millis: &str) -> Option<Timestamp> {
    Some(Timestamp::from_millis(millis.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_212_345_678 + millis)
    }

    fn customer() -> Caller {
        Caller::Customer("cust-1".to_owned())
    }

    fn operator() -> Caller {
        Caller::Operator("anna".to_owned())
    }

    #[test]
    fn a_ticket_is_good_for_its_caller_until_it_expires() {
        let tickets = Tickets::new(b"key");
        for caller in [customer(), operator()] {
            for until in [None, Some(after(60_000)), Some(after(3_600_000))] {
                let ticket = tickets.issue(&caller, until, after(0));
                assert_eq!(ticket.expires_at, after(60_000));
                let caller = caller.clone();
                let admitted = Admitted { caller, until };
                for moment in [0, 59_999] {
                    let checked = tickets.check(&ticket.text, after(moment));
                    assert_eq!(checked, Ok(admitted.clone()));
                }
                for moment in [60_000, 86_400_000] {
                    let late = tickets.check(&ticket.text, after(moment));
                    assert_eq!(late, Err(BadTicket::Expired));
                }
            }
        }
    }

    #[test]
    fn a_ticket_is_good_no_longer_than_the_token() {
        let tickets = Tickets::new(b"key");
        let ticket = tickets.issue(&customer(), Some(after(5_000)), after(0));
        assert_eq!(ticket.expires_at, after(5_000));
        assert!(tickets.check(&ticket.text, after(4_999)).is_ok());
        let late = tickets.check(&ticket.text, after(5_000));
        assert_eq!(late, Err(BadTicket::Expired));
    }

    #[test]
    fn a_ticket_of_another_key_is_refused() {
        let ticket = Tickets::new(b"other").issue(&customer(), None, after(0));
        let checked = Tickets::new(b"key").check(&ticket.text, after(0));
        assert_eq!(checked, Err(BadTicket::Forged));
    }

    #[test]
    fn a_ticket_that_was_cut_or_changed_anywhere_is_refused() {
        let tickets = Tickets::new(b"key");
        let ticket = tickets
            .issue(&customer(), Some(after(9_000)), after(0))
            .text;
        for end in 0..ticket.len() {
            let cut = tickets.check(&ticket[..end], after(0));
            assert_eq!(cut, Err(BadTicket::Forged), "{end}");
        }
        for at in 0..ticket.len() {
            for other in ["A", "B", "0", ".", "=", " "] {
                let mut changed = ticket.clone();
                changed.replace_range(at..=at, other);
                let checked = tickets.check(&changed, after(0));
                let same = changed == ticket;
                assert_eq!(checked.is_ok(), same, "{changed}");
            }
        }
        for longer in [format!("{ticket}A"), format!("9{ticket}"), ticket.repeat(9)] {
            assert_eq!(tickets.check(&longer, after(0)), Err(BadTicket::Forged));
        }
    }

    #[test]
    fn a_ticket_with_a_later_expiry_or_end_or_another_caller_is_refused() {
        let tickets = Tickets::new(b"key");
        let ticket = tickets
            .issue(&customer(), Some(after(90_000)), after(0))
            .text;
        let parts: Vec<_> = ticket.split('.').collect();
        let operator = BASE64_URL_SAFE_NO_PAD.encode(text_of(&operator()));
        let later = after(999_000).as_millis();
        let forged = [
            format!("{later}.{}.{}.{}", parts[1], parts[2], parts[3]),
            format!("{}.{later}.{}.{}", parts[0], parts[2], parts[3]),
            format!("{}..{}.{}", parts[0], parts[2], parts[3]),
            format!("{}.{}.{operator}.{}", parts[0], parts[1], parts[3]),
            format!("{}.{}.{operator}.", parts[0], parts[1]),
            format!("{}.{}.{operator}", parts[0], parts[1]),
        ];
        for forged in forged {
            assert_eq!(tickets.check(&forged, after(0)), Err(BadTicket::Forged));
        }
    }

    #[test]
    fn a_ticket_needs_no_escape_in_an_address() {
        let caller = Caller::Customer("A.b:c_d-9/?&ä".to_owned());
        let ticket = Tickets::new(b"key")
            .issue(&caller, Some(after(1)), after(0))
            .text;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        assert!(ticket.chars().all(plain), "{ticket}");
    }
}

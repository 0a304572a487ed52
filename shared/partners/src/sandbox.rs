//! What the sandbox parties can be told to do.

use std::time::Duration;

/// The longest that a sandbox party lets anyone wait.
const SLOW_MS_MAX: u64 = 60_000;

/// One behaviour, named in an order's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Do it at once.
    Approve,
    /// Refuse for good.
    Decline,
    /// Do it after this long.
    Slow(Duration),
    /// Be out of order for so many attempts, then do it.
    Fail(u32),
}

impl Behaviour {
    /// Reads `sandbox-<word>` or `sandbox-<word>-<number>`; `None` if it is nothing of the kind.
    pub(crate) fn parse(text: &str, approve: &str, decline: &str) -> Option<Self> {
        let told = text.strip_prefix("sandbox-")?;
        if told == approve {
            return Some(Self::Approve);
        }
        if told == decline {
            return Some(Self::Decline);
        }
        let (word, number) = told.rsplit_once('-')?;
        match word {
            "slow" => {
                let millis = number.parse::<u64>().ok()?.min(SLOW_MS_MAX);
                Some(Self::Slow(Duration::from_millis(millis)))
            }
            "fail" => number.parse().ok().map(Self::Fail),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_behaviour_is_read_from_its_name_and_nothing_else() {
        let parse = |text| Behaviour::parse(text, "approve", "decline");
        assert_eq!(parse("sandbox-approve"), Some(Behaviour::Approve));
        assert_eq!(parse("sandbox-decline"), Some(Behaviour::Decline));
        assert_eq!(
            parse("sandbox-slow-250"),
            Some(Behaviour::Slow(Duration::from_millis(250)))
        );
        assert_eq!(parse("sandbox-fail-2"), Some(Behaviour::Fail(2)));
        for text in [
            "",
            "approve",
            "sandbox-",
            "sandbox-fail",
            "sandbox-fail-x",
            "sandbox-slow--1",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}

//! The functions of a test's stack as processes of this machine, for tests that end some of them at their work.
//!
//! The emulator starts each instance of a function as a process in its own process group, and that is how they are
//! told from the processes of everybody else, another stack's say. It looks into `/proc`, so there are none elsewhere
//! than on Linux.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// What a function's program is called in its package.
const PROGRAM: &str = "bootstrap";
/// Where a process finds the name of the function that it is an instance of.
const NAME: &str = "AWS_LAMBDA_FUNCTION_NAME";

/// One running instance of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The function, with the stack's name in front.
    pub function: String,
    id: i32,
    group: u32,
}

impl Process {
    /// The instances in this process group.
    pub(crate) fn of_group(group: u32) -> Vec<Self> {
        let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
        processes
            .filter_map(|entry| {
                let id = entry.file_name().to_str()?.parse().ok()?;
                let function = function_of(id, group)?;
                let process = Self {
                    function,
                    id,
                    group,
                };
                Some(process)
            })
            .collect()
    }

    /// Ends it at once, whatever it is at: it gets no chance to tidy up. False if it had ended before.
    #[must_use]
    pub fn kill(&self) -> bool {
        // Asked again right before: a number is another process's as soon as its process is gone.
        let is_there = function_of(self.id, self.group).as_ref() == Some(&self.function);
        let id = Pid::from_raw(self.id).filter(|_| is_there);
        id.is_some_and(|id| kill_process(id, Signal::KILL).is_ok())
    }
}

/// Which function this process is an instance of, if it is one of this group.
fn function_of(id: i32, group: u32) -> Option<String> {
    let folder = Path::new("/proc").join(id.to_string());
    let status = fs::read_to_string(folder.join("stat")).ok()?;
    let program = fs::read_link(folder.join("exe")).ok()?;
    if group_in(&status)? != group || program.file_name()? != PROGRAM {
        return None;
    }
    let variables = fs::read(folder.join("environ")).ok()?;
    let variables = String::from_utf8_lossy(&variables);
    let name = variables
        .split('\0')
        .filter_map(|variable| variable.split_once('='))
        .find(|(name, _)| *name == NAME);
    name.map(|(_, function)| function.to_owned())
}

/// The process group in a line of `/proc/<id>/stat`. The program's name in it may contain anything, blanks and
/// parentheses too, so what follows is counted from behind its end.
fn group_in(status: &str) -> Option<u32> {
    let (_, behind) = status.rsplit_once(')')?;
    // State, parent, group.
    behind.split_ascii_whitespace().nth(2)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_group_is_found_behind_any_name() {
        assert_eq!(group_in("42 (boot) strap) S 7 9 9 0 -1"), Some(9));
        assert_eq!(group_in("42 (bootstrap) S"), None);
    }

    #[test]
    fn a_process_that_is_no_function_is_not_ended() {
        let process = Process {
            function: "charge-payment".to_owned(),
            id: i32::try_from(std::process::id()).expect("it is small"),
            group: 1,
        };
        assert!(!process.kill());
    }
}

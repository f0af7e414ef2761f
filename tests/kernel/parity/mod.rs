//! The proof that ours is the reference to the byte: both run the same commands, each in a network
//! namespace of its own, and what they print, how they end and the tables they leave must be equal.
//!
//! The scripts in `tests/parity` are written by hand and read by [`script`], which describes their
//! format. Beside them [`matrix`](crate::matrix) tries every option with every command,
//! [`random`](crate::random) draws scripts from a table of options, and
//! [`listings`](crate::listings) lists tables that traffic flows through. The differences that are
//! wanted are in section 10 of `tests/parity/ipvsadm-1.31.md` and, with their reasons, in
//! ipvsadm(8); a script marks the commands they concern, and everything else fails.

mod run;
mod script;

use crate::support::names_in;
use script::Script;

/// One test for each script, and one that no file beside them is forgotten.
macro_rules! scripts {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                hold_to(stringify!($name), include_str!(concat!("../../parity/", stringify!($name), ".script")));
            }
        )*

        #[test]
        fn every_script_is_run() {
            assert_eq!(names_in("tests/parity", "script"), [$(stringify!($name)),*]);
        }
    };
}

scripts! {
    addresses
    administrator
    c_library
    corners
    daemons
    destinations
    differences
    helpers
    listings
    names
    programs
    refusals
    repeated
    restore
    services
    values
    words
}

/// Runs a script and fails with all that differs.
fn hold_to(name: &str, text: &str) {
    let name = format!("{name}.script");
    let report = run::run_script(&name, &Script::parse(&name, text));
    assert!(report.is_empty(), "the programs differ\n\n{report}");
}

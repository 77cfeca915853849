//! Whether the device works: it tests its parts ([`check`]) and tells systemd
//! that it lives ([`watchdog`]).

pub mod check;
pub mod watchdog;

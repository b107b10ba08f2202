//! Places where the process stands still, for the tests that kill it there.

use std::io::Write;

/// Names the place at which the process stands still, such as `charge.kept`. For tests only: each name is a step or a
/// compensation, then `before` (it has not been asked for), `within` (its transaction has done its work and is not kept
/// yet), `kept` (it is kept, and nobody has been told) or `after` (who asked knows, and has not written it down).
const STOPS_AT: &str = "SHOP_STOPS_AT";

/// Stands still if this is the place: says so, and waits to be killed.
pub fn stop_at(step: &str, moment: &str) {
    let wanted = std::env::var_os(STOPS_AT);
    if wanted.is_some_and(|wanted| wanted.to_str() == Some(&format!("{step}.{moment}"))) {
        let _ = writeln!(std::io::stderr(), "stopped at {step}.{moment}");
        loop {
            // Whatever runs on this thread stands still with it, as long as the process lives.
            std::thread::park();
        }
    }
}

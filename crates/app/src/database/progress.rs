//! How far a command is, on the people's side.

use std::sync::Arc;
use std::time::Duration;

use database::dump::Progress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line that tells of the table that is being done; only where a person looks.
#[derive(Clone)]
pub(crate) struct Shown {
    bar: ProgressBar,
    component: String,
}

impl Shown {
    pub(crate) fn new(component: &str, what: &'static str) -> Shown {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {msg}") {
            bar.set_style(style);
        }
        bar.set_prefix(what);
        bar.set_message(component.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        Shown {
            bar,
            component: component.to_owned(),
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        let own = self.clone();
        Arc::new(move |table, rows| {
            own.bar
                .set_message(format!("{}: {rows} rows of {table}", own.component));
        })
    }

    pub(crate) fn done(&self) {
        self.bar.finish_and_clear();
    }
}

//! What happens during a run, and who is told: the progress bar is the first listener.

use super::progress::ProgressBar;
use std::io::Stdout;

/// Names and running values, sorted by name as Keras shows them.
pub(crate) type Logs = Vec<(String, f64)>;

/// One thing that happened.
pub(crate) enum Event<'a> {
    EpochBegin {
        epoch: usize,
        epochs: usize,
    },
    /// Steps count from 1.
    BatchEnd {
        step: usize,
        steps: usize,
        logs: &'a Logs,
    },
    /// Validation included.
    EpochEnd {
        logs: &'a Logs,
    },
    /// Something to be said in words.
    Note(&'a str),
}

/// Somebody who is told.
pub(crate) trait Listener {
    fn event(&mut self, event: &Event);
}

impl Listener for ProgressBar<Stdout> {
    fn event(&mut self, event: &Event) {
        fn named(logs: &[(String, f64)]) -> Vec<(&str, f64)> {
            logs.iter().map(|(name, value)| (&name[..], *value)).collect()
        }
        match event {
            Event::EpochBegin { epoch, epochs } => self.epoch_begin(*epoch, *epochs),
            Event::BatchEnd { step, steps, logs } => self.batch_end(*step, Some(*steps), &named(logs)),
            Event::EpochEnd { logs } => self.epoch_end(&named(logs)),
            Event::Note(text) => {
                self.end_line();
                println!("{text}");
            }
        }
    }
}

/// Tells all listeners, in order.
pub(crate) fn tell(listeners: &mut [Box<dyn Listener + '_>], event: &Event) {
    listeners.iter_mut().for_each(|listener| listener.event(event));
}

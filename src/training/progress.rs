//! Keras' progress bar: what `fit`, `evaluate` and `predict` write while they run, as text and nothing else.

use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use super::readable::{eta, list, per_step, seconds};

/// Cells of the bar.
const CELLS: usize = 20;

/// The bar is redrawn at most ten times a second; the last state of an epoch is always drawn.
const INTERVAL: Duration = Duration::from_millis(100);

/// How a progress bar looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// A bar that is redrawn in place, for terminals (Keras' `verbose=1`).
    Bar { color: bool },
    /// One finished line per epoch, for files and pipes (Keras' `verbose=2`).
    Lines,
}

impl Look {
    /// What suits standard output: a bar on a terminal, in colour unless `NO_COLOR` is set to something.
    pub(crate) fn of_stdout() -> Self {
        let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if std::io::stdout().is_terminal() { Self::Bar { color } } else { Self::Lines }
    }
}

/// Writes the progress of epochs to `out`, in Keras' form:
/// `6/6 ━━━━━━━━━━━━━━━━━━━━ 5s 558ms/step - accuracy: 0.1875 - loss: 2.2995`.
/// What cannot be written is dropped: a closed pipe does not end a training.
pub(crate) struct ProgressBar<W: Write> {
    out: W,
    look: Look,
    /// Tells the time since some fixed moment.
    clock: Box<dyn FnMut() -> Duration + Send>,
    start: Duration,
    /// When the first step ended: it compiles kernels and says little about the others.
    first_step: Option<Duration>,
    step: usize,
    steps: Option<usize>,
    /// Steps of the last epoch, for datasets that do not know their length.
    steps_before: Option<usize>,
    drawn: Option<Duration>,
    /// Characters that the bar on screen takes; none when the cursor is at the start of a line.
    width: usize,
}

impl ProgressBar<std::io::Stdout> {
    /// A progress bar on standard output, with real time.
    pub(crate) fn stdout() -> Self {
        let start = Instant::now();
        Self::new(std::io::stdout(), Look::of_stdout(), move || start.elapsed())
    }
}

impl<W: Write> ProgressBar<W> {
    /// A progress bar on any output and with any clock.
    pub(crate) fn new(out: W, look: Look, clock: impl FnMut() -> Duration + Send + 'static) -> Self {
        let clock = Box::new(clock);
        let (start, first_step, steps, steps_before, drawn) = (Duration::ZERO, None, None, None, None);
        Self { out, look, clock, start, first_step, step: 0, steps, steps_before, drawn, width: 0 }
    }

    /// An epoch starts (`epoch` counts from 0). Of several epochs each gets a headline; `evaluate` and `predict` are one.
    pub(crate) fn epoch_begin(&mut self, epoch: usize, epochs: usize) {
        self.end_line();
        self.start = (self.clock)();
        (self.first_step, self.step) = (None, 0);
        if epochs > 1 {
            self.write(&format!("Epoch {}/{epochs}\n", epoch + 1));
        }
    }

    /// Step `step` (counted from 1) of `steps`, if their number is known, has ended with these running values.
    pub(crate) fn batch_end(&mut self, step: usize, steps: Option<usize>, values: &[(&str, f64)]) {
        let now = (self.clock)();
        (self.step, self.steps) = (step, steps.or(self.steps_before.filter(|&before| before >= step)));
        if step == 1 {
            self.first_step = Some(now);
        }
        if let Look::Bar { color } = self.look
            && self.drawn.is_none_or(|drawn| now.saturating_sub(drawn) >= INTERVAL)
        {
            self.draw(now, color, false, values);
        }
    }

    /// The epoch has ended, validation included, with these final values.
    pub(crate) fn epoch_end(&mut self, values: &[(&str, f64)]) {
        let now = (self.clock)();
        (self.steps, self.steps_before) = (Some(self.step), Some(self.step));
        match self.look {
            Look::Bar { color } => {
                self.draw(now, color, true, values);
                self.end_line();
            }
            Look::Lines => {
                let (step, elapsed, per_step) = (self.step, seconds(now.saturating_sub(self.start)), per_step(self.step_seconds(now)));
                self.write(&format!("{step}/{step} - {elapsed} - {per_step}{}\n", list(values)));
            }
        }
    }

    /// Ends a bar that stands unfinished on screen, so that other text starts on a line of its own.
    pub(crate) fn end_line(&mut self) {
        if self.width > 0 {
            self.width = 0;
            self.write("\n");
        }
    }

    fn draw(&mut self, now: Duration, color: bool, finished: bool, values: &[(&str, f64)]) {
        let paint = |code: &str, text: &str| if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() };
        let (mut line, mut plain) = (String::new(), 0);
        let mut push = |code: Option<&str>, text: &str| {
            plain += text.chars().count();
            line += &code.map_or_else(|| text.to_string(), |code| paint(code, text));
        };

        let time = match self.steps {
            Some(steps) => {
                let digits = steps.to_string().len();
                push(Some("1"), &format!("{:>digits$}/{steps}", self.step));
                push(None, " ");
                let done = (CELLS * self.step / steps.max(1)).min(CELLS);
                if done > 0 {
                    push(Some("32"), &"━".repeat(done));
                }
                // Without colour the cells still to do are told apart by a thinner line.
                push(Some("37"), &if color { "━" } else { "─" }.repeat(CELLS - done));
                if finished {
                    seconds(now.saturating_sub(self.start))
                } else {
                    eta(self.step_seconds(now) * steps.saturating_sub(self.step) as f64)
                }
            }
            None => {
                push(None, &format!("{:>7}/Unknown", self.step));
                seconds(now.saturating_sub(self.start))
            }
        };
        push(None, " ");
        push(Some("1"), &time);
        push(None, &format!(" {}{}", per_step(self.step_seconds(now)), list(values)));

        let blanks = " ".repeat(self.width.saturating_sub(plain));
        self.write(&format!("\r{line}{blanks}"));
        (self.width, self.drawn) = (plain, Some(now));
    }

    /// Seconds per step, without the first one where there are more.
    fn step_seconds(&self, now: Duration) -> f64 {
        match (self.step, self.first_step) {
            (0, _) => 0.0,
            (2.., Some(first)) => now.saturating_sub(first).as_secs_f64() / (self.step - 1) as f64,
            _ => now.saturating_sub(self.start).as_secs_f64() / self.step as f64,
        }
    }

    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }
}

/// A training that ends in an error leaves no half line behind.
impl<W: Write> Drop for ProgressBar<W> {
    fn drop(&mut self) {
        self.end_line();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    /// A bar with a clock that is set by hand, in milliseconds, and everything it wrote.
    struct Scene {
        bar: ProgressBar<Vec<u8>>,
        clock: Arc<AtomicU64>,
    }

    fn scene(look: Look) -> Scene {
        let clock = Arc::new(AtomicU64::new(0));
        let hand = clock.clone();
        Scene { bar: ProgressBar::new(Vec::new(), look, move || Duration::from_millis(hand.load(Ordering::Relaxed))), clock }
    }

    impl Scene {
        fn at(&mut self, milliseconds: u64) -> &mut ProgressBar<Vec<u8>> {
            self.clock.store(milliseconds, Ordering::Relaxed);
            &mut self.bar
        }

        fn written(&mut self) -> String {
            String::from_utf8(std::mem::take(&mut self.bar.out)).unwrap()
        }
    }

    #[test]
    fn a_bar_in_colour_equals_keras() {
        let mut scene = scene(Look::Bar { color: true });
        scene.at(0).epoch_begin(0, 2);
        scene.at(901).batch_end(1, Some(6), &[("accuracy", 0.1), ("loss", 4.2058)]);
        let values = [("accuracy", 0.1111), ("loss", 3.5905), ("val_accuracy", 0.1667), ("val_loss", 2.2994)];
        scene.at(950).batch_end(6, Some(6), &values[..2]);
        scene.at(1066).epoch_end(&values);
        let expected = "Epoch 1/2\n\
            \r\x1b[1m1/6\x1b[0m \x1b[32m━━━\x1b[0m\x1b[37m━━━━━━━━━━━━━━━━━\x1b[0m \x1b[1m4s\x1b[0m 901ms/step - accuracy: 0.1000 - loss: 4.2058\
            \r\x1b[1m6/6\x1b[0m \x1b[32m━━━━━━━━━━━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m1s\x1b[0m 33ms/step - accuracy: 0.1111 - loss: 3.5905 \
            - val_accuracy: 0.1667 - val_loss: 2.2994\n";
        assert_eq!(scene.written(), expected);
    }

    #[test]
    fn without_colour_no_escapes_are_written_and_shorter_lines_are_padded() {
        let mut scene = scene(Look::Bar { color: false });
        scene.at(0).epoch_begin(0, 1);
        scene.at(1000).batch_end(1, Some(200), &[("loss", 0.0001)]);
        scene.at(2000).batch_end(50, Some(200), &[("loss", 0.5)]);
        scene.at(2099).batch_end(51, Some(200), &[("loss", 0.5)]);
        let first = "\r  1/200 ──────────────────── 3:19 1s/step - loss: 1.0000e-04";
        let second = "\r 50/200 ━━━━━─────────────── 3s 20ms/step - loss: 0.5000";
        assert_eq!(scene.written(), format!("{first}{second}{}", " ".repeat(4)), "the third came too early to be drawn");
    }

    #[test]
    fn lines_equal_keras_where_there_is_no_terminal() {
        let mut scene = scene(Look::Lines);
        for (epoch, values) in [[("loss", 2.2134), ("val_accuracy", 0.0)], [("loss", 1.6684), ("val_accuracy", 0.1667)]].iter().enumerate()
        {
            let start = 600 * epoch as u64;
            scene.at(start).epoch_begin(epoch, 2);
            (1..=6).for_each(|step| scene.at(start + 50 + 10 * step).batch_end(step as usize, Some(6), &[]));
            scene.at(start + 150).epoch_end(values);
        }
        let expected = "Epoch 1/2\n6/6 - 0s - 18ms/step - loss: 2.2134 - val_accuracy: 0.0000e+00\n\
            Epoch 2/2\n6/6 - 0s - 18ms/step - loss: 1.6684 - val_accuracy: 0.1667\n";
        assert_eq!(scene.written(), expected);
    }

    #[test]
    fn an_unknown_length_is_known_after_one_epoch() {
        let mut scene = scene(Look::Bar { color: false });
        scene.at(0).epoch_begin(0, 2);
        scene.at(2000).batch_end(1, None, &[]);
        scene.at(2200).epoch_end(&[]);
        scene.at(3000).epoch_begin(1, 2);
        scene.at(3500).batch_end(1, None, &[]);
        let full = "━".repeat(20);
        let expected = format!("Epoch 1/2\n\r      1/Unknown 2s 2s/step\r1/1 {full} 2s 2s/step\nEpoch 2/2\n\r1/1 {full} 0s 500ms/step");
        assert_eq!(scene.written(), expected);
        scene.at(3700).batch_end(2, None, &[]);
        assert_eq!(scene.written(), "\r      2/Unknown 1s 200ms/step         ", "longer than the epoch before");
    }

    #[test]
    fn a_bar_that_is_dropped_halfway_ends_its_line() {
        let mut written = Vec::new();
        let mut bar = ProgressBar::new(&mut written, Look::Bar { color: false }, || Duration::ZERO);
        bar.epoch_begin(0, 1);
        bar.batch_end(1, Some(2), &[]);
        drop(bar);
        assert_eq!(String::from_utf8(written).unwrap(), "\r1/2 ━━━━━━━━━━────────── 0s 0s/step\n");
    }
}

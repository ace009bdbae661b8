//! Timing as the other frameworks' benches do it: median and best of repeated calls, written under common case names.

use serde_json::{Map, Value, json};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use wgrad::prelude::*;

/// Work of one call, and the unit of the rate that follows from it.
pub type Work = Option<(f64, &'static str)>;

/// Runs cases and collects what they took.
pub struct Bench {
    /// How long a case is repeated.
    pub seconds: f64,
    /// Parts of names; only cases with one of them run. All of them if empty.
    pub only: Vec<String>,
    pub cases: Map<String, Value>,
}

impl Bench {
    /// Whether this case was asked for.
    pub fn wants(&self, case: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| case.contains(part.as_str()))
    }

    /// Calls `run` for so many seconds, at least five times, after three for warming up.
    pub fn measure(&mut self, case: &str, work: Work, run: impl FnMut() -> Result<()>) -> Result<()> {
        self.measure_parts(case, 1, work, run)
    }

    /// The same for calls that do something `parts` times: times and work are those of one part.
    pub fn measure_parts(&mut self, case: &str, parts: usize, work: Work, mut run: impl FnMut() -> Result<()>) -> Result<()> {
        if !self.wants(case) {
            return Ok(());
        }
        for _ in 0..if parts == 1 { 3 } else { 1 } {
            run()?;
        }
        let (begin, mut times) = (Instant::now(), Vec::new());
        while times.len() < 5 || (begin.elapsed().as_secs_f64() < self.seconds && times.len() < 1000) {
            let start = Instant::now();
            run()?;
            times.push(start.elapsed().as_secs_f64() * 1e3 / parts as f64);
        }
        times.sort_by(f64::total_cmp);
        let (median, best) = (times[times.len() / 2], times[0]);
        let mut entry = json!({"median_ms": median, "min_ms": best});
        let mut rate = String::new();
        if let Some((amount, unit)) = work {
            entry[unit] = json!(amount / median * 1e3);
            rate = format!("  {:12.1} {unit}", amount / median * 1e3);
        }
        println!("{case:<20} median {median:10.3} ms  min {best:10.3} ms{rate}");
        self.cases.insert(case.to_owned(), entry);
        Ok(())
    }

    /// Notes the seconds from the start of the process to now, and the memory it took.
    pub fn first_step(&mut self, main_began: Instant) {
        let seconds = since_process_start().unwrap_or_else(|| main_began.elapsed().as_secs_f64());
        println!("first finished step {seconds:.3} s after process start, peak RSS {} MiB", peak_rss_mib());
        self.cases.insert("first_step_s".into(), json!(seconds));
        self.cases.insert("first_step_rss_mib".into(), json!(peak_rss_mib()));
    }

    /// Everything as the other benches write it.
    pub fn finish(mut self, device: &Device, threads: usize) -> Value {
        println!("peak RSS {} MiB", peak_rss_mib());
        self.cases.insert("peak_rss_mib".into(), json!(peak_rss_mib()));
        let name = if *device == Device::cpu() { "wgrad" } else { "wgrad gpu" };
        json!({"name": name, "version": env!("CARGO_PKG_VERSION"), "device": device.to_string(), "threads": threads, "cases": self.cases})
    }
}

/// Waits for tensors.
pub fn done(tensors: &[Tensor]) -> Result<()> {
    tensors.iter().try_for_each(Tensor::compute)?;
    tensors.first().map_or(Ok(()), |tensor| tensor.device().synchronize())
}

/// The largest resident memory so far; 0 where the system does not say.
fn peak_rss_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// On Linux, to a hundredth of a second.
fn since_process_start() -> Option<f64> {
    const TICKS: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let started: f64 = stat.rsplit(')').next()?.split_whitespace().nth(19)?.parse().ok()?;
    let machine = std::fs::read_to_string("/proc/stat").ok()?;
    let booted: f64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs_f64() - booted - started / TICKS)
}

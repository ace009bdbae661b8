//! Training: compile, fit, evaluate, predict, and what they tell while they run.

mod compile;
mod config;
mod evaluate;
mod events;
mod fit;
mod heads;
mod history;
mod predict;
mod progress;
mod readable;
mod samples;
mod trainer;

pub use compile::{Compile, Compiled, Losses};
pub use evaluate::{Evaluate, Scores};
pub use fit::{Fit, Verbose};
pub use history::History;
pub use predict::Predict;
pub use samples::Samples;

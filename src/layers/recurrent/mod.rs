//! Recurrent layers: cells, the walk over the steps of a sequence, and wrappers of layers over time.

mod bidirectional;
mod conv_lstm;
mod gated;
mod gru;
mod lstm;
mod options;
mod rnn;
mod simple;
mod stacked;
mod time_distributed;
mod walk;

pub use bidirectional::{Bidirectional, MergeMode};
pub use conv_lstm::{ConvLSTM, ConvLSTM1D, ConvLSTM2D, ConvLSTM3D, ConvLSTMCell};
pub use gru::{GRU, GRUCell};
pub use lstm::{LSTM, LSTMCell};
pub use options::{CellOptions, CellSetters, WalkOptions, WalkSetters};
pub use rnn::RNN;
pub use simple::{SimpleRNN, SimpleRNNCell};
pub use stacked::StackedRNNCells;
pub use time_distributed::TimeDistributed;
pub use walk::{Cell, Steps, Walked};

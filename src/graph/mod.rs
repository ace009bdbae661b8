//! The recorded graph: nodes found from handles, the contract every op fulfils, variables, and reverse-mode gradients.

mod context;
mod counter;
mod cpu_call;
mod gpu_call;
mod gradient;
mod node;
mod op;
mod record;
mod symbol;
pub(crate) mod tape;
mod variable;
pub(crate) mod walk;
pub(crate) mod watch;

pub(crate) use context::{LayerScope, layer_path};
pub(crate) use counter::Counter;
pub use counter::Draw;
pub use cpu_call::{CpuCall, CpuChain, CpuFirst, CpuIn, CpuOut};
pub use gpu_call::{Arg, GpuCall, GpuFirst, Word};
pub(crate) use gpu_call::{GpuChain, Recorded};
pub use gradient::gradient;
pub use node::Tensor;
pub(crate) use node::{Expr, Node};
pub use op::{Access, GradCx, Key, Live, Op, OpRef, Params, Specs};
pub use record::{apply, apply_one};
pub(crate) use record::{apply_on, note_flush, without_count};
pub(crate) use symbol::{Symbolic, symbolic, symbolic_all};
pub use tape::GradientTape;
pub(crate) use tape::TapeToken;
pub use variable::Variable;
pub(crate) use variable::{Pending, VariableId};

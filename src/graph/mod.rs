//! The recorded graph: nodes found from handles, the contract every op fulfils, variables, and reverse-mode gradients.

mod context;
mod gradient;
mod node;
mod op;
mod record;
mod tape;
mod variable;
pub(crate) mod walk;
pub(crate) mod watch;

pub(crate) use context::{LayerScope, layer_path};
pub use gradient::gradient;
pub use node::Tensor;
pub(crate) use node::{Expr, Node};
pub(crate) use op::Recorded;
pub use op::{Access, Arg, CpuCall, CpuEpilogue, CpuIn, CpuOut, GpuCall, GradCx, Key, Op, OpRef, Params, Specs, Word};
pub use record::{apply, apply_one};
pub(crate) use record::{apply_on, note_flush};
pub use tape::GradientTape;
pub(crate) use tape::TapeToken;
pub use variable::Variable;
pub(crate) use variable::{Pending, VariableId};

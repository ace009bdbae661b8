//! Reads the bindings of a kernel back from its source with naga.

use super::shader::Kernel;
use crate::{Error, ErrorKind, Result};

/// What a kernel declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reflection {
    /// Bytes of the uniform `args`; 0 for a kernel without.
    pub args: u32,
    /// The storage buffers from binding 1 on.
    pub buffers: Vec<StorageBuffer>,
    /// Invocations per workgroup.
    pub workgroup_size: [u32; 3],
}

/// One storage buffer that a kernel declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StorageBuffer {
    /// The fewest bytes that may be bound.
    pub min_size: u32,
    /// Whether the kernel writes to it.
    pub write: bool,
}

impl Kernel {
    /// Validates the source and reads its bindings; needs no device.
    ///
    /// # Errors
    /// Invalid WGSL, with the line that is wrong, or bindings that break the convention for kernels.
    pub fn reflect(&self) -> Result<Reflection> {
        reflect(self.name(), self.source(), naga::valid::Capabilities::SUBGROUP | naga::valid::Capabilities::SHADER_FLOAT16)
    }
}

/// The source with the storage buffers of `mask` (bit i: binding i + 1) declared writable: a buffer that one binding
/// of a dispatch writes must be bound read-write everywhere in it, and wgpu wants the declaration to say the same.
pub(super) fn with_writable(source: &str, mask: u64) -> String {
    let mut text = source.to_string();
    for binding in (1..=64).filter(|binding| mask >> (binding - 1) & 1 == 1) {
        let Some(at) = text.find(&format!("@binding({binding})")) else { continue };
        let end = text[at..].find(';').map_or(text.len(), |length| at + length);
        let declared = text[at..end].replace("var<storage, read>", "var<storage, read_write>");
        let declared = declared.replace("var<storage>", "var<storage, read_write>");
        text.replace_range(at..end, &declared);
    }
    text
}

/// Parses and validates `source`, and reads its bindings.
pub(super) fn reflect(name: &str, source: &str, capabilities: naga::valid::Capabilities) -> Result<Reflection> {
    let invalid = |text: String| Error::new(ErrorKind::Invalid, format!("kernel {name}: {text}"));
    let module = naga::front::wgsl::parse_str(source).map_err(|error| invalid(error.emit_to_string_with_path(source, name)))?;
    naga::valid::Validator::new(naga::valid::ValidationFlags::all(), capabilities)
        .validate(&module)
        .map_err(|error| invalid(error.emit_to_string_with_path(source, name)))?;

    let entry = module.entry_points.iter().find(|entry| entry.name == "main" && entry.stage == naga::ShaderStage::Compute);
    let workgroup_size = entry.ok_or_else(|| invalid("it has no compute entry point `main`".into()))?.workgroup_size;
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).map_err(|error| invalid(error.to_string()))?;

    let mut args = 0;
    let mut buffers: Vec<(u32, StorageBuffer)> = Vec::new();
    for (_, variable) in module.global_variables.iter() {
        let Some(resource) = variable.binding else { continue };
        let size = layouter[variable.ty].size;
        match (variable.space, resource.group, resource.binding) {
            (naga::AddressSpace::Uniform, 0, 0) => args = size,
            (naga::AddressSpace::Storage { access }, 0, binding @ 1..) => {
                let write = access.contains(naga::StorageAccess::STORE);
                buffers.push((binding, StorageBuffer { min_size: size.max(4), write }));
            }
            (space, group, binding) => {
                let text = format!("group {group} binding {binding} is {space:?}: args are binding 0, storage buffers follow");
                return Err(invalid(text));
            }
        }
    }
    buffers.sort_by_key(|(binding, _)| *binding);
    if let Some(gap) = (1..).zip(&buffers).find(|(expected, (binding, _))| expected != binding) {
        return Err(invalid(format!("binding {} is missing or declared twice", gap.0)));
    }
    Ok(Reflection { args, buffers: buffers.into_iter().map(|(_, buffer)| buffer).collect(), workgroup_size })
}

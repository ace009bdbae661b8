//! Which GPUs there are, which one is strongest, and how each is described.

use super::caps::{AdapterKind, AdapterReport, Caps};
use crate::{Error, Result};

/// The features that wgrad asks for where the adapter has them.
pub(super) fn wanted_features() -> wgpu::Features {
    wgpu::Features::SHADER_F16 | wgpu::Features::SUBGROUP | wgpu::Features::SUBGROUP_BARRIER | wgpu::Features::TIMESTAMP_QUERY
}

/// All adapters of the backends that wgrad supports, strongest first; `WGPU_BACKEND` narrows them.
pub(super) fn enumerate() -> Vec<wgpu::Adapter> {
    let supported = wgpu::Backends::VULKAN | wgpu::Backends::METAL | wgpu::Backends::DX12;
    let backends = supported.with_env() & supported & wgpu::Instance::enabled_backend_features();
    if backends.is_empty() {
        return Vec::new();
    }
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = backends;
    descriptor.flags = wgpu::InstanceFlags::empty().with_env();
    let instance = wgpu::Instance::new(descriptor);
    let mut adapters = pollster::block_on(instance.enumerate_adapters(backends));
    adapters.retain(|adapter| adapter.get_downlevel_capabilities().flags.contains(wgpu::DownlevelFlags::COMPUTE_SHADERS));
    adapters.sort_by_key(|adapter| kind(adapter.get_info().device_type));
    adapters
}

/// The strongest adapter, or the strongest whose name contains `wanted` (case does not matter).
pub(super) fn choose(wanted: Option<&str>) -> Result<wgpu::Adapter> {
    let adapters = enumerate();
    if adapters.is_empty() {
        return Err(Error::device(no_adapter_text()));
    }
    let Some(wanted) = wanted else { return Ok(adapters.into_iter().next().expect("there is one")) };
    let names: Vec<String> = adapters.iter().map(|adapter| adapter.get_info().name).collect();
    let found = names.iter().position(|name| name.to_lowercase().contains(&wanted.to_lowercase()));
    match found {
        Some(index) => Ok(adapters.into_iter().nth(index).expect("index of a name")),
        None => Err(Error::device(format!("no GPU is named like {wanted:?}; there are: {}", names.join(", ")))),
    }
}

/// An adapter without a device behind it, with the limits of the smallest one that all kernels were tested on; programs need wgpu's
/// feature `noop` for it.
pub(super) fn dry(subgroup: u32) -> Result<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::NOOP;
    descriptor.backend_options.noop = wgpu::NoopBackendOptions {
        enable: true,
        limits: Some(wgpu::Limits { max_storage_buffers_per_shader_stage: 10, ..wgpu::Limits::defaults() }),
        features: Some(wgpu::Features::SUBGROUP | wgpu::Features::SUBGROUP_BARRIER),
        subgroup_min_size: Some(subgroup),
        subgroup_max_size: Some(subgroup),
        ..wgpu::NoopBackendOptions::default()
    };
    let adapters = pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::NOOP));
    adapters.into_iter().next().ok_or_else(|| Error::device("a dry run needs wgpu's feature noop"))
}

fn no_adapter_text() -> String {
    let hint = if cfg!(target_os = "linux") {
        "install your card's Vulkan driver, or a software one (Debian, Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1)"
    } else {
        "install a current graphics driver"
    };
    let narrowed = std::env::var("WGPU_BACKEND").map(|value| format!(" (WGPU_BACKEND={value})")).unwrap_or_default();
    format!("no GPU found through Vulkan, Metal or DX12{narrowed}; {hint}, or use the CPU")
}

fn kind(device_type: wgpu::DeviceType) -> AdapterKind {
    match device_type {
        wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
        wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
        wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
        wgpu::DeviceType::Other => AdapterKind::Other,
        wgpu::DeviceType::Cpu => AdapterKind::Cpu,
    }
}

/// Describes an adapter without opening it.
pub(super) fn report(adapter: &wgpu::Adapter) -> AdapterReport {
    let info = adapter.get_info();
    let features = adapter.features();
    AdapterReport {
        name: info.name.clone(),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_string(),
        backend: format!("{:?}", info.backend),
        caps: caps(&info, &adapter.limits(), features),
        features: features.iter_names().map(|(name, _)| name.to_lowercase()).collect(),
    }
}

fn caps(info: &wgpu::AdapterInfo, limits: &wgpu::Limits, features: wgpu::Features) -> Caps {
    let subgroup = features.contains(wgpu::Features::SUBGROUP);
    Caps {
        kind: kind(info.device_type),
        max_binding: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size) & !255,
        max_buffer: limits.max_buffer_size & !255,
        max_storage_buffers: limits.max_storage_buffers_per_shader_stage,
        max_args: u32::try_from(limits.max_uniform_buffer_binding_size).unwrap_or(u32::MAX),
        offset_alignment: limits.min_storage_buffer_offset_alignment,
        max_groups: limits.max_compute_workgroups_per_dimension,
        max_group_threads: limits.max_compute_invocations_per_workgroup,
        max_group_size: [limits.max_compute_workgroup_size_x, limits.max_compute_workgroup_size_y, limits.max_compute_workgroup_size_z],
        max_group_memory: limits.max_compute_workgroup_storage_size,
        subgroup: subgroup.then_some((info.subgroup_min_size, info.subgroup_max_size)),
        f16: features.contains(wgpu::Features::SHADER_F16),
        timestamps: features.contains(wgpu::Features::TIMESTAMP_QUERY),
    }
}

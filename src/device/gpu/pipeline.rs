//! Compiled pipelines, one per kernel source and set of writable bindings.

use crate::lock::lock;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::fault::{self, ErrorSink};
use super::open::Settings;
use super::reflect::{self, Reflection};
use super::shader::Kernel;
use crate::Result;

/// A compiled kernel.
pub(super) struct Pipeline {
    pub raw: wgpu::ComputePipeline,
    pub layout: wgpu::BindGroupLayout,
    pub reflection: Reflection,
}

/// All pipelines of one device.
pub(super) struct PipelineCache {
    device: wgpu::Device,
    errors: Arc<ErrorSink>,
    checked: bool,
    dump: Option<std::path::PathBuf>,
    pipelines: Mutex<HashMap<(Kernel, u64), Arc<Pipeline>>>,
}

impl PipelineCache {
    pub(super) fn new(device: wgpu::Device, errors: Arc<ErrorSink>, settings: &Settings) -> Self {
        Self { device, errors, checked: settings.checked, dump: settings.dump.clone(), pipelines: Mutex::default() }
    }

    pub(super) fn len(&self) -> usize {
        lock(&self.pipelines).len()
    }

    pub(super) fn sources(&self) -> Vec<(String, String)> {
        let source = |(kernel, mask): &(Kernel, u64)| (kernel.name().to_owned(), reflect::with_writable(kernel.source(), *mask));
        lock(&self.pipelines).keys().map(source).collect()
    }

    /// The pipeline of `kernel` with the storage buffers of `mask` bound read-write.
    pub(super) fn get(&self, kernel: &Kernel, mask: u64) -> Result<Arc<Pipeline>> {
        let key = (kernel.clone(), mask);
        let lock = || lock(&self.pipelines);
        if let Some(pipeline) = lock().get(&key) {
            return Ok(pipeline.clone());
        }
        // Compiled without the lock; of two threads that compile the same kernel, one result is kept.
        let pipeline = Arc::new(self.compile(kernel, mask)?);
        Ok(lock().entry(key).or_insert(pipeline).clone())
    }

    fn compile(&self, kernel: &Kernel, mask: u64) -> Result<Pipeline> {
        let source = reflect::with_writable(kernel.source(), mask);
        if let Some(folder) = &self.dump {
            crate::device::dump(folder, &format!("{}-{:016x}-{mask:x}.wgsl", kernel.name(), kernel.key()), &source);
        }
        let reflection = reflect::reflect(kernel.name(), kernel.source(), self.capabilities())?;

        let scopes = [wgpu::ErrorFilter::Validation, wgpu::ErrorFilter::Internal].map(|filter| self.device.push_error_scope(filter));
        let layout = self.layout(&reflection, mask);
        let descriptor = wgpu::ShaderModuleDescriptor { label: Some(kernel.name()), source: wgpu::ShaderSource::Wgsl(source.into()) };
        let module = if self.checked {
            self.device.create_shader_module(descriptor)
        } else {
            // SAFETY: kernels are our own; they take lengths from `args` and clamp every index that comes from data.
            unsafe { self.device.create_shader_module_trusted(descriptor, wgpu::ShaderRuntimeChecks::unchecked()) }
        };
        let pipeline_layout = self.device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: None,
            bind_group_layouts: &[Some(&layout)],
            immediate_size: 0,
        });
        let raw = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name()),
            layout: Some(&pipeline_layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions { constants: &[], zero_initialize_workgroup_memory: false },
            cache: None,
        });
        for scope in scopes.into_iter().rev() {
            if let Some(error) = pollster::block_on(scope.pop()) {
                return Err(fault::translate(error).at(format!("kernel {}", kernel.name())));
            }
        }
        self.errors.check()?;
        Ok(Pipeline { raw, layout, reflection })
    }

    fn capabilities(&self) -> naga::valid::Capabilities {
        use naga::valid::Capabilities;
        let features = self.device.features();
        let mut capabilities = Capabilities::empty();
        capabilities.set(Capabilities::SHADER_FLOAT16, features.contains(wgpu::Features::SHADER_F16));
        capabilities.set(Capabilities::SUBGROUP, features.contains(wgpu::Features::SUBGROUP));
        capabilities.set(Capabilities::SUBGROUP_BARRIER, features.contains(wgpu::Features::SUBGROUP_BARRIER));
        capabilities
    }

    fn layout(&self, reflection: &Reflection, mask: u64) -> wgpu::BindGroupLayout {
        let entry = |binding: u32, ty: wgpu::BufferBindingType, size: u32| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::COMPUTE,
            ty: wgpu::BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: wgpu::BufferSize::new(size.into()) },
            count: None,
        };
        let args = (reflection.args > 0).then(|| entry(0, wgpu::BufferBindingType::Uniform, reflection.args));
        let buffers = (1..).zip(&reflection.buffers).map(|(binding, buffer)| {
            entry(binding, wgpu::BufferBindingType::Storage { read_only: !buffer.write && mask >> (binding - 1) & 1 == 0 }, buffer.min_size)
        });
        let entries: Vec<_> = args.into_iter().chain(buffers).collect();
        self.device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: None, entries: &entries })
    }
}

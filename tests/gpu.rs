//! The GPU layer on a real or software adapter: replay, memory, transfers, injected faults. Ignored without an adapter.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use wgrad::device::gpu::{Binding, Buffer, Dispatch, Fault, Gpu, Item, Kernel, Program, Settings};
use wgrad::{Device, ErrorKind, Result, Tensor};

const ADD: &str = "struct Args { count: u32, scale: f32 }
@group(0) @binding(0) var<uniform> args: Args;
@group(0) @binding(1) var<storage, read> left: array<f32>;
@group(0) @binding(2) var<storage, read> right: array<f32>;
@group(0) @binding(3) var<storage, read_write> sum: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x < args.count { sum[id.x] = left[id.x] + args.scale * right[id.x]; }
}";

const COUNT: usize = 1000;
const BYTES: u64 = COUNT as u64 * 4;

type Case = fn(&Arc<Gpu>) -> Result<()>;

const CASES: &[(&str, Case)] = &[
    ("adds_two_vectors", adds_two_vectors),
    ("chain_of_thousand_with_a_changing_arg", chain_of_thousand_with_a_changing_arg),
    ("alternating_buffers_rebuild_nothing", alternating_buffers_rebuild_nothing),
    ("ranges_of_one_written_buffer", ranges_of_one_written_buffer),
    ("overlap_and_alias_are_refused", overlap_and_alias_are_refused),
    ("wrong_kernels_are_errors_with_names", wrong_kernels_are_errors_with_names),
    ("copies_and_clears_keep_their_order", copies_and_clears_keep_their_order),
    ("uploads_of_all_sizes_keep_their_order", uploads_of_all_sizes_keep_their_order),
    ("memory_is_flat_over_many_runs", memory_is_flat_over_many_runs),
    ("memory_is_reused_and_trimmed", memory_is_reused_and_trimmed),
    ("reads_can_be_asynchronous_and_dropped", reads_can_be_asynchronous_and_dropped),
    ("too_large_a_buffer_names_both_sizes", too_large_a_buffer_names_both_sizes),
    ("a_tensor_beyond_the_binding_limit_names_both_sizes", a_tensor_beyond_the_binding_limit_names_both_sizes),
    ("out_of_memory_once_is_survived", out_of_memory_once_is_survived),
    ("a_lost_device_is_an_error_everywhere", a_lost_device_is_an_error_everywhere),
    ("a_validation_error_is_kept", a_validation_error_is_kept),
    ("threads_share_a_device", threads_share_a_device),
    ("every_item_is_timed", every_item_is_timed),
    ("an_upload_outlives_its_buffer", an_upload_outlives_its_buffer),
    ("shaders_are_dumped", shaders_are_dumped),
];

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // One at a time: one case watches the memory of the process.
    arguments.test_threads = Some(1);
    let missing = Gpu::adapters().is_empty();
    let trial = |name: String, case: Case, checked: bool| {
        let run = move || -> std::result::Result<(), Failed> {
            // Each case has its own device, because some of them lose it.
            let gpu = Gpu::open_with(&Settings { checked, ..Settings::from_env() })?;
            Ok(case(&gpu)?)
        };
        Trial::test(name, run).with_ignored_flag(missing)
    };
    let checked = CASES.iter().map(|&(name, case)| trial(name.to_string(), case, true));
    let trusted = CASES.iter().take(4).map(|&(name, case)| trial(format!("trusted::{name}"), case, false));
    libtest_mimic::run(&arguments, checked.chain(trusted).collect()).exit_code()
}

fn upload(gpu: &Gpu, values: &[f32]) -> Result<Arc<Buffer>> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_ne_bytes()).collect();
    let buffer = gpu.alloc(bytes.len() as u64)?;
    gpu.upload(&buffer, 0, &bytes)?;
    Ok(buffer)
}

fn read(gpu: &Arc<Gpu>, buffer: &Buffer) -> Result<Vec<f32>> {
    let bytes = gpu.read(buffer, 0, buffer.size())?;
    Ok(bytes.chunks_exact(4).map(|word| f32::from_ne_bytes(word.try_into().expect("four bytes"))).collect())
}

fn ramp() -> Vec<f32> {
    (0..COUNT).map(|index| index as f32).collect()
}

fn whole(slot: usize, write: bool) -> Binding {
    Binding { slot, offset: 0, size: BYTES, write }
}

/// `out = left + scale * right`, over whole buffers.
fn add(left: usize, right: usize, out: usize, scale: f32) -> Dispatch {
    Dispatch {
        kernel: Kernel::new("add", ADD),
        args: vec![COUNT as u32, scale.to_bits()],
        dynamic: vec![],
        bindings: vec![whole(left, false), whole(right, false), whole(out, true)],
        groups: [COUNT.div_ceil(64) as u32, 1, 1],
    }
}

fn adds_two_vectors(gpu: &Arc<Gpu>) -> Result<()> {
    let (left, right, out) = (upload(gpu, &ramp())?, upload(gpu, &ramp())?, gpu.alloc(BYTES)?);
    let program = Program::new(gpu, vec![Item::Dispatch(add(0, 1, 2, 2.0))])?;
    program.run(&[left, right, out.clone()], &[])?;
    assert_eq!(read(gpu, &out)?, ramp().iter().map(|value| 3.0 * value).collect::<Vec<_>>());
    Ok(())
}

fn chain_of_thousand_with_a_changing_arg(gpu: &Arc<Gpu>) -> Result<()> {
    let buffers = [upload(gpu, &[0.0; COUNT])?, upload(gpu, &[1.0; COUNT])?, gpu.alloc(BYTES)?];
    let items = (0..1000).map(|index| {
        let (from, to) = if index % 2 == 0 { (0, 2) } else { (2, 0) };
        let mut dispatch = add(from, 1, to, 0.0);
        dispatch.dynamic = if index == 500 { vec![(1, 1)] } else { vec![(1, 0)] };
        Item::Dispatch(dispatch)
    });
    let program = Program::new(gpu, items.collect())?;
    assert_eq!(gpu.counters().pipelines, 1);
    let mut expected = 0.0;
    for step in 1..=5 {
        program.run(&buffers, &[(step as f32).to_bits(), 0.5f32.to_bits()])?;
        expected += 999.0 * step as f32 + 0.5;
        assert_eq!(read(gpu, &buffers[0])?, vec![expected; COUNT]);
    }
    assert_eq!(gpu.counters().bind_groups, 1000);
    assert!(program.run(&buffers, &[0]).unwrap_err().to_string().contains("parameter 1"));
    Ok(())
}

fn alternating_buffers_rebuild_nothing(gpu: &Arc<Gpu>) -> Result<()> {
    let program = Program::new(gpu, vec![Item::Dispatch(add(0, 1, 2, 1.0))])?;
    let sets: Vec<_> = (0..3).map(|_| Ok([upload(gpu, &ramp())?, upload(gpu, &ramp())?, gpu.alloc(BYTES)?])).collect::<Result<_>>()?;
    for round in 0..30 {
        program.run(&sets[round % 3], &[])?;
    }
    assert_eq!(gpu.counters().bind_groups, 3);
    Ok(())
}

fn ranges_of_one_written_buffer(gpu: &Arc<Gpu>) -> Result<()> {
    let step = BYTES.next_multiple_of(256);
    let buffer = gpu.alloc(3 * step)?;
    let bytes: Vec<u8> = ramp().iter().flat_map(|value| value.to_ne_bytes()).collect();
    gpu.upload(&buffer, 0, &bytes)?;
    gpu.upload(&buffer, step, &bytes)?;
    let mut dispatch = add(0, 0, 0, 1.0);
    dispatch.bindings[1].offset = step;
    dispatch.bindings[2].offset = 2 * step;
    Program::new(gpu, vec![Item::Dispatch(dispatch)])?.run(std::slice::from_ref(&buffer), &[])?;
    let sums = read(gpu, &buffer)?;
    assert_eq!(sums[2 * step as usize / 4 + 7], 14.0);
    Ok(())
}

fn overlap_and_alias_are_refused(gpu: &Arc<Gpu>) -> Result<()> {
    let overlapping = Program::new(gpu, vec![Item::Dispatch(add(0, 1, 0, 1.0))]).err().expect("an error");
    assert!(overlapping.to_string().contains("kernel add: binding 3 is written and overlaps binding 1"), "{overlapping}");
    let program = Program::new(gpu, vec![Item::Dispatch(add(0, 1, 2, 1.0))])?;
    let (one, other) = (gpu.alloc(BYTES)?, gpu.alloc(BYTES)?);
    let alias = program.run(&[one.clone(), other.clone(), one.clone()], &[]).unwrap_err();
    assert!(alias.to_string().contains("slots 0 and 2 are the same buffer"), "{alias}");
    let short = program.run(&[one, other, gpu.alloc(8)?], &[]).unwrap_err();
    assert!(short.to_string().contains("of a buffer of 8 bytes"), "{short}");
    gpu.check()
}

fn wrong_kernels_are_errors_with_names(gpu: &Arc<Gpu>) -> Result<()> {
    let fails = |change: &dyn Fn(&mut Dispatch)| {
        let mut dispatch = add(0, 1, 2, 1.0);
        change(&mut dispatch);
        Program::new(gpu, vec![Item::Dispatch(dispatch)]).err().expect("an error").to_string()
    };
    let syntax = fails(&|dispatch| dispatch.kernel = Kernel::new("broken", ADD.replace("left[id.x] +", "lost[id.x] +")));
    assert!(syntax.contains("broken") && syntax.contains("lost[id.x]"), "{syntax}");
    let count = fails(&|dispatch| dispatch.bindings.truncate(2));
    assert!(count.contains("declares 3 storage buffers"), "{count}");
    let write = fails(&|dispatch| dispatch.bindings[2].write = false);
    assert!(write.contains("binding 3: the kernel declares write true"), "{write}");
    let groups = fails(&|dispatch| dispatch.groups[1] = 1 << 20);
    assert!(groups.contains("per dimension"), "{groups}");
    let words = fails(&|dispatch| dispatch.args = vec![0; 9]);
    assert!(words.contains("2 words of args"), "{words}");
    let offset = fails(&|dispatch| dispatch.bindings[0].offset = 4);
    assert!(offset.contains("binding 1: offset 4"), "{offset}");
    gpu.check()
}

fn copies_and_clears_keep_their_order(gpu: &Arc<Gpu>) -> Result<()> {
    let buffers = [upload(gpu, &ramp())?, upload(gpu, &ramp())?, gpu.alloc(BYTES)?];
    let items = vec![
        Item::Dispatch(add(0, 1, 2, 1.0)),
        Item::Copy { from: (2, 0), to: (0, 0), size: BYTES },
        Item::Clear { at: (1, 0), size: 400 },
        Item::Dispatch(add(0, 1, 2, 1.0)),
    ];
    let program = Program::new(gpu, items)?;
    program.run(&buffers, &[])?;
    let out = read(gpu, &buffers[2])?;
    assert_eq!((out[50], out[500]), (100.0, 1500.0));
    let same = program.run(&[buffers[0].clone(), buffers[1].clone(), buffers[0].clone()], &[]).unwrap_err();
    assert!(same.to_string().contains("same buffer"), "{same}");
    gpu.check()
}

fn uploads_of_all_sizes_keep_their_order(gpu: &Arc<Gpu>) -> Result<()> {
    let size = 40 << 20;
    let buffer = gpu.alloc(size as u64)?;
    let large: Vec<u8> = (0..size).map(|index| (index / 977) as u8).collect();
    for round in 0..4u8 {
        gpu.upload(&buffer, 0, &large)?;
        gpu.upload(&buffer, 8, &[round; 4])?;
        gpu.upload(&buffer, 1 << 20, &[round; 256 << 10])?;
        let back = gpu.read(&buffer, 0, size as u64)?;
        assert_eq!(back[8..12], [round; 4]);
        assert_eq!(back[1 << 20..(1 << 20) + (256 << 10)], [round; 256 << 10]);
        assert_eq!(back[2 << 20..], large[2 << 20..]);
    }
    assert!(gpu.upload(&buffer, 2, &[0; 4]).is_err());
    assert!(gpu.upload(&buffer, size as u64, &[0; 4]).is_err());
    gpu.check()
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn memory_is_flat_over_many_runs(gpu: &Arc<Gpu>) -> Result<()> {
    let mut dispatch = add(0, 1, 2, 1.0);
    dispatch.dynamic = vec![(1, 0)];
    let program = Program::new(gpu, vec![Item::Dispatch(dispatch)])?;
    let right = upload(gpu, &ramp())?;
    let batch = vec![1u8; BYTES as usize];
    let step = |index: u32| -> Result<()> {
        let left = gpu.alloc(BYTES)?;
        gpu.upload(&left, 0, &batch)?;
        let out = gpu.alloc(BYTES)?;
        program.run(&[left, right.clone(), out.clone()], &[index])?;
        if index.is_multiple_of(50) {
            read(gpu, &out)?;
        }
        Ok(())
    };
    for index in 0..200 {
        step(index)?;
    }
    let (counters, memory, resident) = (gpu.counters(), gpu.memory(), resident_bytes());
    for index in 0..2000 {
        step(index)?;
    }
    assert_eq!(gpu.counters().allocations, counters.allocations);
    assert_eq!(gpu.counters().bind_groups, counters.bind_groups);
    assert_eq!(gpu.memory(), memory);
    let grown = resident_bytes().saturating_sub(resident);
    assert!(grown < 64 << 20, "2,000 runs grew the process by {grown} bytes");
    Ok(())
}

fn memory_is_reused_and_trimmed(gpu: &Arc<Gpu>) -> Result<()> {
    let first = gpu.alloc(1000)?;
    let id = first.id();
    assert_eq!(first.size(), 1000);
    drop(first);
    let again = gpu.alloc(900)?;
    assert_eq!((again.id(), again.size()), (id, 900));
    assert_ne!(gpu.alloc(900)?.id(), id);
    let memory = gpu.memory();
    assert!(memory.used >= 900 && memory.reserved >= memory.used && memory.peak >= memory.used, "{memory:?}");
    gpu.trim();
    assert_eq!(gpu.memory().reserved, gpu.memory().used);
    // A bind group that names freed memory must not keep it, nor be found again.
    let program = Program::new(gpu, vec![Item::Dispatch(add(0, 1, 2, 1.0))])?;
    for _ in 0..3 {
        program.run(&[upload(gpu, &ramp())?, upload(gpu, &ramp())?, gpu.alloc(BYTES)?], &[])?;
        gpu.trim();
    }
    assert_eq!(gpu.memory().reserved, gpu.memory().used);
    gpu.wait()
}

fn reads_can_be_asynchronous_and_dropped(gpu: &Arc<Gpu>) -> Result<()> {
    let buffer = upload(gpu, &ramp())?;
    drop(gpu.read_async(&buffer, 0, BYTES)?);
    let pending = gpu.read_async(&buffer, 40, 8)?;
    while !pending.ready() {
        std::thread::yield_now();
    }
    assert_eq!(pending.wait()?, [10f32.to_ne_bytes(), 11f32.to_ne_bytes()].concat());
    assert!(gpu.read(&buffer, 0, 0)?.is_empty());
    assert!(gpu.read_async(&buffer, BYTES, 4).is_err());
    gpu.check()
}

fn too_large_a_buffer_names_both_sizes(gpu: &Arc<Gpu>) -> Result<()> {
    let limit = gpu.caps().max_buffer;
    let error = gpu.alloc(limit + 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    let text = error.to_string();
    assert!(text.contains(&limit.to_string()) && text.contains(&(limit + 4).to_string()), "{text}");
    let mut dispatch = add(0, 1, 2, 1.0);
    dispatch.bindings[0].size = gpu.caps().max_binding + 4;
    let error = Program::new(gpu, vec![Item::Dispatch(dispatch)]).err().expect("an error").to_string();
    assert!(error.contains(&gpu.caps().max_binding.to_string()), "{error}");
    gpu.check()
}

fn a_tensor_beyond_the_binding_limit_names_both_sizes(gpu: &Arc<Gpu>) -> Result<()> {
    let limit = gpu.caps().max_binding;
    let words = limit as usize / 4 + 64;
    let error = Device::Gpu(gpu.clone()).scope(|| Tensor::ones([words]).compute()).unwrap_err().to_string();
    assert!(error.contains(&limit.to_string()) && error.contains(&(4 * words).to_string()), "{error}");
    Ok(())
}

fn out_of_memory_once_is_survived(gpu: &Arc<Gpu>) -> Result<()> {
    drop(gpu.alloc(1 << 20)?);
    gpu.inject(Fault::OutOfMemory(1));
    let held = gpu.alloc(2 << 20)?;
    assert_eq!(gpu.memory().reserved, gpu.memory().used, "free memory was dropped before the second attempt");
    gpu.inject(Fault::OutOfMemory(u32::MAX));
    let error = gpu.alloc(123_456_788).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OutOfMemory);
    assert!(error.to_string().contains("123456788") && error.to_string().contains("2097152"), "{error}");
    gpu.inject(Fault::OutOfMemory(0));
    drop(held);
    adds_two_vectors(gpu)
}

fn a_lost_device_is_an_error_everywhere(gpu: &Arc<Gpu>) -> Result<()> {
    let buffers = [upload(gpu, &ramp())?, upload(gpu, &ramp())?, gpu.alloc(BYTES)?];
    let program = Program::new(gpu, vec![Item::Dispatch(add(0, 1, 2, 2.0))])?;
    program.run(&buffers, &[])?;
    let pending = gpu.read_async(&buffers[2], 0, BYTES)?;
    gpu.inject(Fault::DeviceLost);
    let lost = |result: Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::DeviceLost);
    lost(gpu.check());
    lost(pending.wait().map(drop));
    lost(program.run(&buffers, &[]));
    lost(gpu.read(&buffers[2], 0, BYTES).map(drop));
    lost(gpu.upload(&buffers[0], 0, &[0; 4]));
    lost(gpu.alloc(1 << 22).map(drop));
    lost(gpu.wait());
    lost(Program::new(gpu, vec![Item::Dispatch(add(0, 1, 2, 2.0))]).map(drop));
    Ok(())
}

fn a_validation_error_is_kept(gpu: &Arc<Gpu>) -> Result<()> {
    let buffer = upload(gpu, &ramp())?;
    gpu.inject(Fault::Validation);
    let error = gpu.check().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Device);
    assert_eq!(gpu.read(&buffer, 0, 4).unwrap_err(), error);
    Ok(())
}

fn threads_share_a_device(gpu: &Arc<Gpu>) -> Result<()> {
    let mut dispatch = add(0, 1, 2, 0.0);
    dispatch.dynamic = vec![(1, 0)];
    let program = Program::new(gpu, vec![Item::Dispatch(dispatch)])?;
    let (left, right) = (upload(gpu, &[0.0; COUNT])?, upload(gpu, &[1.0; COUNT])?);
    std::thread::scope(|scope| {
        let work = |scale: u32| {
            let (program, left, right) = (&program, left.clone(), right.clone());
            move || -> Result<()> {
                for round in 0..50 {
                    let out = gpu.alloc(BYTES)?;
                    let factor = (scale * 100 + round) as f32;
                    program.run(&[left.clone(), right.clone(), out.clone()], &[factor.to_bits()])?;
                    assert_eq!(read(gpu, &out)?, vec![factor; COUNT]);
                }
                Ok(())
            }
        };
        let threads: Vec<_> = (0..4).map(|scale| scope.spawn(work(scale))).collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })
}

fn every_item_is_timed(gpu: &Arc<Gpu>) -> Result<()> {
    let buffers = [upload(gpu, &ramp())?, upload(gpu, &ramp())?, gpu.alloc(BYTES)?];
    let items = vec![Item::Dispatch(add(0, 1, 2, 1.0)), Item::Copy { from: (2, 0), to: (0, 0), size: BYTES }];
    let timings = Program::new(gpu, items)?.time(&buffers, &[])?;
    assert_eq!(timings.iter().map(|timing| timing.name.as_str()).collect::<Vec<_>>(), ["add", "copy"]);
    assert!(timings.iter().all(|timing| timing.microseconds >= 0.0));
    assert_eq!(read(gpu, &buffers[0])?[9], 18.0);
    Ok(())
}

fn an_upload_outlives_its_buffer(gpu: &Arc<Gpu>) -> Result<()> {
    let kept = gpu.alloc(1 << 20)?;
    for round in 1..5 {
        let lost = gpu.alloc(1 << 20)?;
        gpu.upload(&lost, 0, &[9; 1 << 20])?;
        gpu.upload(&kept, 0, &[round; 1 << 20])?;
        drop(lost);
        gpu.trim();
        assert_eq!(gpu.read(&kept, 0, 4)?, [round; 4]);
        gpu.trim();
    }
    gpu.wait()
}

fn shaders_are_dumped(_: &Arc<Gpu>) -> Result<()> {
    let folder = std::env::temp_dir().join(format!("wgrad-dump-{}", std::process::id()));
    let gpu = Gpu::open_with(&Settings { dump: Some(folder.clone()), ..Settings::from_env() })?;
    Program::new(&gpu, vec![Item::Dispatch(add(0, 1, 2, 1.0))])?;
    let files: Vec<_> = std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    assert_eq!(files.len(), 1);
    assert_eq!(std::fs::read_to_string(&files[0])?, ADD);
    Ok(std::fs::remove_dir_all(folder)?)
}

//! Stands in for the GPU where wgrad is built without wgpu: nothing of this can exist, so nothing is ever done.

use super::{AdapterReport, Caps, Counters, Item};
use crate::{Error, Result, device::Memory};
use std::sync::Arc;

/// A GPU; there is none.
pub enum Gpu {}

/// Memory of a GPU; there is none.
pub enum Buffer {}

/// A compiled list of items; there is none.
pub enum Program {}

/// A read that is under way; there is none.
pub enum Readback {}

impl Gpu {
    /// Says why there is none.
    ///
    /// # Errors
    /// Always.
    pub fn open() -> Result<Arc<Self>> {
        Err(Error::device("wgrad was built without the feature `gpu`; use the CPU"))
    }

    pub fn adapters() -> Vec<AdapterReport> {
        Vec::new()
    }

    pub fn id(&self) -> u64 {
        match *self {}
    }

    pub fn report(&self) -> &AdapterReport {
        match *self {}
    }

    pub fn caps(&self) -> &Caps {
        match *self {}
    }

    pub fn check(&self) -> Result<()> {
        match *self {}
    }

    pub fn wait(&self) -> Result<()> {
        match *self {}
    }

    pub fn memory(&self) -> Memory {
        match *self {}
    }

    pub fn counters(&self) -> Counters {
        match *self {}
    }

    pub fn alloc(&self, _bytes: u64) -> Result<Arc<Buffer>> {
        match *self {}
    }

    pub fn upload(&self, _buffer: &Arc<Buffer>, _offset: u64, _data: &[u8]) -> Result<()> {
        match *self {}
    }

    pub fn read(&self, _buffer: &Buffer, _offset: u64, _size: u64) -> Result<Vec<u8>> {
        match *self {}
    }

    pub fn read_async(&self, _buffer: &Buffer, _offset: u64, _size: u64) -> Result<Readback> {
        match *self {}
    }
}

impl Buffer {
    pub fn id(&self) -> u64 {
        match *self {}
    }

    pub fn size(&self) -> u64 {
        match *self {}
    }
}

impl Program {
    pub fn new(gpu: &Arc<Gpu>, _items: Vec<Item>) -> Result<Self> {
        match **gpu {}
    }

    pub fn run(&self, _buffers: &[Arc<Buffer>], _params: &[u32]) -> Result<()> {
        match *self {}
    }
}

impl Readback {
    pub fn ready(&self) -> bool {
        match *self {}
    }

    pub fn wait(self) -> Result<Vec<u8>> {
        match self {}
    }
}

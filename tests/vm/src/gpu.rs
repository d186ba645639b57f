// SPDX-License-Identifier: GPL-2.0-only
//! A client of a GPU without hardware (vgem): each frame makes a real fence on a buffer and sleeps until it is signalled,
//! which a second thread does a little later in the stead of a GPU's interrupt.

use crate::scenario::Fail;
use crate::screen::Card;
use drm::Device as BasicDevice;
use drm::buffer::{Buffer, DrmFourcc};
use drm::control::{Device as ControlDevice, dumbbuffer::DumbBuffer};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::process::ExitCode;
use std::sync::mpsc::channel;
use std::time::Duration;

const DRIVER: &str = "vgem";
const NODES: &str = "/dev/dri";
/// What this GPU needs for a frame, and when the next frame begins.
const DRAW: Duration = Duration::from_millis(4);
const FRAME: Duration = Duration::from_millis(6);
const SIZE: (u32, u32) = (64, 64);
const BITS_PER_PIXEL: u32 = 32;

/// `_IOC(dir, 'd', nr, size)` of drm/drm.h; a driver's own numbers begin at 0x40.
const fn ioc(dir: u64, nr: u64, size: usize) -> u64 {
    (dir << 30) | ((size as u64) << 16) | ((b'd' as u64) << 8) | (0x40 + nr)
}
const WRITE: u64 = 1;
const READ_WRITE: u64 = 3;
const FENCE_ATTACH: u64 = ioc(READ_WRITE, 1, size_of::<FenceAttach>());
const FENCE_SIGNAL: u64 = ioc(WRITE, 2, size_of::<FenceSignal>());
const FENCE_WRITE: u32 = 1;

/// `struct drm_vgem_fence_attach`
#[repr(C)]
struct FenceAttach {
    handle: u32,
    flags: u32,
    out_fence: u32,
    pad: u32,
}

/// `struct drm_vgem_fence_signal`
#[repr(C)]
struct FenceSignal {
    fence: u32,
    flags: u32,
}

pub struct Gpu {
    card: Card,
    buffer: DumbBuffer,
    /// The buffer, as something to wait for.
    shared: OwnedFd,
}

impl Gpu {
    pub fn open() -> Result<Self, Fail> {
        let is_ours = |card: &Card| card.get_driver().is_ok_and(|d| d.name() == DRIVER);
        let nodes = std::fs::read_dir(NODES)?.flatten().map(|e| e.path());
        let mut cards = nodes
            .filter(|n| n.to_string_lossy().contains("/card"))
            .filter_map(|n| Some(Card(File::options().read(true).write(true).open(n).ok()?)));
        let card = cards
            .find(is_ours)
            .ok_or_else(|| Fail::skip("this kernel has no vgem"))?;
        let buffer = card.create_dumb_buffer(SIZE, DrmFourcc::Xrgb8888, BITS_PER_PIXEL)?;
        let shared = card.buffer_to_prime_fd(buffer.handle(), libc::O_CLOEXEC as u32)?;
        Ok(Gpu {
            card,
            buffer,
            shared,
        })
    }

    /// A job that is done at once.
    pub fn empty_job(&self) -> io::Result<()> {
        self.signal(self.submit()?)
    }

    /// A fence on the buffer; its number.
    fn submit(&self) -> io::Result<u32> {
        let mut attach = FenceAttach {
            handle: self.buffer.handle().into(),
            flags: FENCE_WRITE,
            out_fence: 0,
            pad: 0,
        };
        self.ioctl(FENCE_ATTACH, &mut attach)?;
        Ok(attach.out_fence)
    }

    fn signal(&self, fence: u32) -> io::Result<()> {
        self.ioctl(FENCE_SIGNAL, &mut FenceSignal { fence, flags: 0 })
    }

    /// `argument` is the struct of the request.
    fn ioctl<T>(&self, request: u64, argument: &mut T) -> io::Result<()> {
        // SAFETY: the request has the size of the struct, which outlives the call.
        match unsafe { libc::ioctl(self.card.0.as_raw_fd(), request, argument) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Sleeps until the buffer has been drawn.
    fn wait(&self) -> io::Result<()> {
        let mut poll = libc::pollfd {
            fd: self.shared.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one live struct; no limit in time.
        match unsafe { libc::poll(&mut poll, 1, -1) } {
            1 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// `photon-guest hold draw`: frame after frame until it is killed.
pub fn draw() -> ExitCode {
    let drawn = Gpu::open().and_then(|gpu| Ok(frames(&gpu)?));
    eprintln!("drawing ended: {drawn:?}");
    ExitCode::FAILURE
}

fn frames(gpu: &Gpu) -> io::Result<()> {
    let (submit, submitted) = channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for fence in submitted {
                std::thread::sleep(DRAW);
                // Without a signal the kernel itself gives the fence up, and the frame is late.
                let _ = gpu.signal(fence);
            }
        });
        loop {
            let fence = gpu.submit()?;
            if submit.send(fence).is_err() {
                return Err(io::Error::other("the GPU is gone"));
            }
            gpu.wait()?;
            std::thread::sleep(FRAME);
        }
    })
}

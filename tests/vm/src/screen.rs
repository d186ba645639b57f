// SPDX-License-Identifier: GPL-2.0-only
//! A compositor's view of the emulator's display: page flips by atomic commits, their events, and the fence of each.
//! The modules come with the machine and are loaded on demand, so that a scenario can look at both states.

use crate::scenario::Fail;
use crate::setup::{load_module, unload_module};
use drm::buffer::DrmFourcc;
use drm::control::{
    AtomicCommitFlags, Device as ControlDevice, Event, atomic, connector, crtc, framebuffer, plane,
    property,
};
use drm::{Device as BasicDevice, VblankWaitFlags, VblankWaitTarget};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

const MODULE_LIST: &str = "/etc/modules.display";
const CARD: &str = "/dev/dri/card0";
/// The driver's thread makes the device node.
const CARD_LIMIT: Duration = Duration::from_secs(10);
const BITS_PER_PIXEL: u32 = 32;
const COLOUR_DEPTH: u32 = 24;

/// Loads the display's modules. Skips on a machine without them.
pub fn load_modules() -> Result<(), Fail> {
    let Ok(list) = std::fs::read_to_string(MODULE_LIST) else {
        return Err(Fail::skip("this machine has no display modules"));
    };
    for path in list.lines().filter(|l| !l.is_empty()) {
        load_module(path, c"").map_err(|e| Fail::skip(format!("{path}: {e:#}")))?;
    }
    let begin = Instant::now();
    while !Path::new(CARD).exists() {
        if begin.elapsed() > CARD_LIMIT {
            return Err(Fail::skip("no display device"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Takes them out again, those first that need the others.
pub fn unload_modules() -> Result<(), Fail> {
    // The console draws on the display.
    for console in std::fs::read_dir("/sys/class/vtconsole")?.flatten() {
        let name = std::fs::read_to_string(console.path().join("name"))?;
        if name.contains("frame buffer") {
            std::fs::write(console.path().join("bind"), "0")?;
        }
    }
    let list = std::fs::read_to_string(MODULE_LIST)?;
    for path in list.lines().rev().filter(|l| !l.is_empty()) {
        let name = Path::new(path).file_stem().unwrap_or_default();
        unload_module(&name.to_string_lossy())?;
    }
    Ok(())
}

/// A DRM device, for the calls of the library.
pub struct Card(pub File);

impl AsFd for Card {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
impl BasicDevice for Card {}
impl ControlDevice for Card {}

pub struct Screen {
    card: Card,
    crtc: crtc::Handle,
    frame: framebuffer::Handle,
    /// The plane that shows the frame, and its property that says so.
    plane: plane::Handle,
    frame_of_plane: property::Handle,
    fence_of_crtc: property::Handle,
    /// Of the mode, from its pixel clock.
    pub period_ns: f64,
}

impl Screen {
    /// Shows a grey frame in the display's first mode.
    pub fn open() -> Result<Self, Fail> {
        let card = Card(File::options().read(true).write(true).open(CARD)?);
        card.set_client_capability(drm::ClientCapability::Atomic, true)?;
        let resources = card.resource_handles()?;
        let connectors = resources.connectors().iter();
        let connector = connectors
            .filter_map(|c| card.get_connector(*c, true).ok())
            .find(|c| c.state() == connector::State::Connected && !c.modes().is_empty())
            .ok_or_else(|| Fail::skip("no connected display"))?;
        let mode = connector.modes()[0];
        let crtc = *resources
            .crtcs()
            .first()
            .ok_or_else(|| Fail::skip("no CRTC"))?;
        let (width, height) = mode.size();
        let buffer = card.create_dumb_buffer(
            (width.into(), height.into()),
            DrmFourcc::Xrgb8888,
            BITS_PER_PIXEL,
        )?;
        let frame = card.add_framebuffer(&buffer, COLOUR_DEPTH, BITS_PER_PIXEL)?;
        card.set_crtc(crtc, Some(frame), (0, 0), &[connector.handle()], Some(mode))?;
        let plane = *card
            .plane_handles()?
            .first()
            .ok_or_else(|| Fail::skip("no plane"))?;
        let planes = card.get_properties(plane)?.as_hashmap(&card)?;
        let crtcs = card.get_properties(crtc)?.as_hashmap(&card)?;
        let (_, _, width) = mode.hsync();
        let (_, _, height) = mode.vsync();
        Ok(Screen {
            crtc,
            frame,
            plane,
            frame_of_plane: planes["FB_ID"].handle(),
            fence_of_crtc: crtcs["OUT_FENCE_PTR"].handle(),
            // The pixel clock is in kHz.
            period_ns: f64::from(width) * f64::from(height) * 1e6 / f64::from(mode.clock()),
            card,
        })
    }

    /// Does its driver know when a frame begins? That of bochs on 7.3 does; on 6.18 flips are done at once.
    pub fn has_vblanks(&self) -> bool {
        let (target, flags) = (VblankWaitTarget::Relative(0), VblankWaitFlags::empty());
        self.card.wait_vblank(target, flags, 0, 0).is_ok()
    }

    /// Asks for the frame to be shown at the next vblank; the fence is signalled when it is.
    pub fn flip(&self) -> io::Result<OwnedFd> {
        let mut fence: libc::c_int = -1;
        let mut request = atomic::AtomicModeReq::new();
        let frame = property::Value::Framebuffer(Some(self.frame));
        request.add_property(self.plane, self.frame_of_plane, frame);
        let place = property::Value::Unknown(std::ptr::from_mut(&mut fence) as u64);
        request.add_property(self.crtc, self.fence_of_crtc, place);
        let flags = AtomicCommitFlags::NONBLOCK | AtomicCommitFlags::PAGE_FLIP_EVENT;
        self.card.atomic_commit(flags, request)?;
        if fence < 0 {
            return Err(io::Error::other("the commit gave no fence"));
        }
        // SAFETY: the kernel has just made the descriptor for us, and nobody else knows it.
        Ok(unsafe { OwnedFd::from_raw_fd(fence) })
    }

    /// Sleeps until the flip is done; the monotonic time of its vblank, ns.
    pub fn flipped(&self) -> io::Result<u64> {
        loop {
            for event in self.card.receive_events()? {
                if let Event::PageFlip(flip) = event {
                    return Ok(flip.duration.as_nanos() as u64);
                }
            }
        }
    }
}

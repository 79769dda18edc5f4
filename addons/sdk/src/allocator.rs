//! An allocator that starts in a static arena, so that a small call never grows its memory.
//!
//! Every call is a fresh instance. `memory.grow` in each of them makes the host
//! change page protections, which costs as much as the call itself and makes
//! the threads of one process wait for each other; an arena inside the initial
//! memory costs only the pages that are touched.

use core::alloc::Layout;

use talc::{OomHandler, Span, Talc, Talck, locking::AssumeUnlockable};

/// Bytes of the arena: four pages, enough for calls that carry some tens of kilobytes of JSON.
const ARENA_BYTES: usize = 256 * 1024;
/// WebAssembly's page size, in bytes.
const PAGE_BYTES: usize = 64 * 1024;
/// Pages asked for at once beyond the arena, so that a growing `Vec` does not ask for each doubling.
const GROWTH_PAGES: usize = 16;

static mut ARENA: [u8; ARENA_BYTES] = [0; ARENA_BYTES];

#[global_allocator]
static ALLOCATOR: Talck<AssumeUnlockable, ArenaThenPages> =
    Talc::new(ArenaThenPages { is_arena_claimed: false, pages: Span::empty() }).lock();

/// Hands out the arena first and asks the engine for pages when that is full.
struct ArenaThenPages {
    is_arena_claimed: bool,
    /// The newest run of pages; a run that follows it directly extends it.
    pages: Span,
}

// SAFETY: a guest has one thread; the span is an address, shared with nobody.
unsafe impl Send for ArenaThenPages {}

impl OomHandler for ArenaThenPages {
    fn handle_oom(talc: &mut Talc<Self>, layout: Layout) -> Result<(), ()> {
        if !talc.oom_handler.is_arena_claimed {
            talc.oom_handler.is_arena_claimed = true;
            // SAFETY: the arena is claimed once, and nothing else names it.
            return unsafe { talc.claim(Span::from_array(&raw mut ARENA)) }.map(|_| ());
        }
        let (base, end) = grow(layout)?;
        if let Some((old_base, old_end)) = talc.oom_handler.pages.get_base_acme() {
            if old_end == base {
                // SAFETY: the old run was claimed below, and the new one was just given to us and follows it.
                talc.oom_handler.pages = unsafe { talc.extend(talc.oom_handler.pages, Span::new(old_base, end)) };
                return Ok(());
            }
        }
        // SAFETY: the engine just added these pages; nobody else knows them.
        talc.oom_handler.pages = unsafe { talc.claim(Span::new(base, end)) }?;
        Ok(())
    }
}

/// New pages for `layout`: a generous run, or the least that fits when the host refuses that.
fn grow(layout: Layout) -> Result<(*mut u8, *mut u8), ()> {
    // The allocator's own words beside the block, and room to align it.
    let needed =
        layout.size().checked_add(layout.align().saturating_mul(2)).and_then(|bytes| bytes.checked_add(64)).ok_or(())?;
    let least = needed.div_ceil(PAGE_BYTES);
    for pages in [least.max(GROWTH_PAGES), least] {
        let before = core::arch::wasm32::memory_grow::<0>(pages);
        if before != usize::MAX {
            let base = (before * PAGE_BYTES) as *mut u8;
            return Ok((base, base.wrapping_add(pages * PAGE_BYTES)));
        }
    }
    Err(())
}

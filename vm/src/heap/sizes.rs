//! How large blocks are: the stock VM's sequence, so that `process_info` shows the numbers that programs
//! know. It grows like Fibonacci's up to about a million words, then by a fifth.

/// Words of a new process's heap (OTP: `min_heap_size`).
pub const DEFAULT_MIN_WORDS: usize = 233;
/// Words of off-heap binaries before they alone are reason to collect (OTP: `min_bin_vheap_size`).
pub const DEFAULT_MIN_VHEAP_WORDS: usize = 46_422;
/// Minor collections between full ones (OTP: `fullsweep_after`).
pub const DEFAULT_FULLSWEEP_AFTER: u32 = 65_535;

/// How many sizes grow like Fibonacci's numbers.
const FIBONACCI: usize = 23;
/// No size is larger, in words.
const LARGEST: usize = 1_000_000_000_000_000;

const COUNT: usize = {
    let mut count = 0;
    let mut last = 0;
    let mut size = 12;
    while size <= LARGEST && count < 154 {
        let next = step(count, last, size);
        last = size;
        size = next;
        count += 1;
    }
    count
};

const SIZES: [usize; COUNT] = {
    let mut sizes = [0; COUNT];
    let mut last = 0;
    let mut size = 12;
    let mut index = 0;
    while index < COUNT {
        sizes[index] = size;
        let next = step(index, last, size);
        last = size;
        size = next;
        index += 1;
    }
    sizes
};

/// The size after the one at `index`.
const fn step(index: usize, last: usize, size: usize) -> usize {
    if index == 0 {
        38
    } else if index + 1 < FIBONACCI {
        size + last + 1
    } else {
        size + size / 5
    }
}

/// All sizes that a heap can have, in words (`erlang:system_info(heap_sizes)`).
pub fn all() -> &'static [usize] {
    &SIZES
}

/// The smallest size of at least `words`.
pub fn at_least(words: usize) -> usize {
    size_at(SIZES.partition_point(|&size| size < words), words)
}

/// The smallest size above `words`.
pub fn above(words: usize) -> usize {
    size_at(SIZES.partition_point(|&size| size <= words), words)
}

fn size_at(index: usize, words: usize) -> usize {
    match SIZES.get(index) {
        Some(&size) => size,
        // No machine has so much: whoever asks for it is told by the allocation.
        None => words,
    }
}

/// What the limit of off-heap words becomes when `used` are left after a collection: it grows by the golden
/// ratio until at most three quarters are used, and is halved when less than a quarter is.
pub(super) fn next_vheap(used: usize, limit: usize, min: usize) -> usize {
    let mut next = limit;
    if used / 3 > limit / 4 {
        while used / 3 > next / 4 {
            let grown = (next as f64 * 1.618) as usize;
            if grown <= next {
                break;
            }
            next = grown;
        }
    } else if used < limit / 4 {
        next = limit / 2;
    }
    next.max(min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_stock_vm() {
        let first = [
            12, 38, 51, 90, 142, 233, 376, 610, 987, 1598, 2586, 4185, 6772,
        ];
        assert_eq!(all()[..first.len()], first);
        assert_eq!(all()[19..24], [196650, 318187, 514838, 833026, 999631]);
        assert_eq!((all().len(), all()[136]), (137, 885_767_171_276_247));
        assert_eq!(at_least(0), 12);
        assert_eq!(at_least(233), 233);
        assert_eq!(at_least(234), 376);
        assert_eq!(above(233), 376);
        assert_eq!(above(11), 12);
    }

    #[test]
    fn vheap_limits_follow_use() {
        assert_eq!(next_vheap(0, 46_422, 46_422), 46_422);
        assert_eq!(next_vheap(0, 200_000, 46_422), 100_000);
        assert_eq!(next_vheap(100_000, 200_000, 46_422), 200_000);
        assert!(next_vheap(200_000, 46_422, 46_422) > 200_000);
    }
}

//! A timing wheel: timers by the tick at which they are due.
//!
//! Six levels of 64 slots; a slot of level n spans 64^n ticks. A timer goes to the level where its distance
//! from now fits, and moves down when time comes near: setting and cancelling take constant time, and each
//! timer is moved at most five times. What is due beyond the last level's round (of over two years, a tick
//! being a millisecond) is looked at again when that ends.
//!
//! Entries stand in one vector and are linked by indexes; a key is an index and a generation, so that a key
//! of a timer that has fired does not cancel another.

const LEVELS: usize = 6;
const SLOT_BITS: u32 = 6;
const SLOTS: usize = 1 << SLOT_BITS;
/// The ticks of a round of the last level.
const ROUND_MASK: u64 = (1 << (SLOT_BITS * LEVELS as u32)) - 1;
const NONE: u32 = u32::MAX;
/// Bits of a key's generation.
pub const GENERATION_BITS: u32 = 24;
const GENERATION_MASK: u32 = (1 << GENERATION_BITS) - 1;

/// Names a timer of a wheel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Key {
    /// Its place.
    pub index: u32,
    /// Which use of the place.
    pub generation: u32,
}

struct Entry<T> {
    due: u64,
    value: Option<T>,
    next: u32,
    prev: u32,
    /// Level and slot.
    home: (u8, u8),
    generation: u32,
}

/// The wheel.
pub struct Wheel<T> {
    /// All ticks before this one have been dealt with.
    now: u64,
    heads: [[u32; SLOTS]; LEVELS],
    /// Which slots of a level are not empty.
    occupied: [u64; LEVELS],
    entries: Vec<Entry<T>>,
    free: u32,
    len: usize,
}

impl<T> Wheel<T> {
    /// An empty wheel at tick `now`.
    pub fn new(now: u64) -> Wheel<T> {
        Wheel {
            now,
            heads: [[NONE; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            entries: Vec::new(),
            free: NONE,
            len: 0,
        }
    }

    /// How many timers are set.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none is set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Sets a timer; one that is due already fires at the next [`advance`](Wheel::advance).
    pub fn insert(&mut self, due: u64, value: T) -> Key {
        let index = if self.free == NONE {
            let index = self.entries.len() as u32;
            assert_ne!(index, NONE, "fewer than 2^32 timers fit the memory");
            self.entries.push(Entry {
                due,
                value: None,
                next: NONE,
                prev: NONE,
                home: (0, 0),
                generation: 0,
            });
            index
        } else {
            let index = self.free;
            self.free = self.entries[index as usize].next;
            index
        };
        let entry = &mut self.entries[index as usize];
        entry.due = due;
        entry.value = Some(value);
        let generation = entry.generation;
        self.link(index);
        self.len += 1;
        Key { index, generation }
    }

    fn entry(&mut self, key: Key) -> Option<&mut Entry<T>> {
        self.entries
            .get_mut(key.index as usize)
            .filter(|entry| entry.generation == key.generation && entry.value.is_some())
    }

    /// Looks at a timer that has not fired: the tick at which it is due, and its value.
    pub fn get(&mut self, key: Key) -> Option<(u64, &mut T)> {
        let entry = self.entry(key)?;
        let due = entry.due;
        entry.value.as_mut().map(|value| (due, value))
    }

    /// Takes a timer back, if it has not fired: the tick at which it was due, and its value.
    pub fn cancel(&mut self, key: Key) -> Option<(u64, T)> {
        let due = self.entry(key)?.due;
        self.unlink(key.index);
        self.release(key.index).map(|value| (due, value))
    }

    /// Level and slot for a tick. What is due beyond the round of the last level waits for that round's end.
    fn home(&self, due: u64) -> (usize, usize) {
        let due = due.clamp(self.now, self.now | ROUND_MASK);
        let level = match due ^ self.now {
            0 => 0,
            distance => ((63 - distance.leading_zeros()) / SLOT_BITS) as usize,
        };
        let slot = (due >> (SLOT_BITS * level as u32)) as usize % SLOTS;
        (level, slot)
    }

    fn link(&mut self, index: u32) {
        let (level, slot) = self.home(self.entries[index as usize].due);
        let head = self.heads[level][slot];
        let entry = &mut self.entries[index as usize];
        entry.home = (level as u8, slot as u8);
        entry.prev = NONE;
        entry.next = head;
        if head != NONE {
            self.entries[head as usize].prev = index;
        }
        self.heads[level][slot] = index;
        self.occupied[level] |= 1 << slot;
    }

    fn unlink(&mut self, index: u32) {
        let Entry {
            next, prev, home, ..
        } = self.entries[index as usize];
        let (level, slot) = (home.0 as usize, home.1 as usize);
        if next != NONE {
            self.entries[next as usize].prev = prev;
        }
        if prev != NONE {
            self.entries[prev as usize].next = next;
        } else {
            self.heads[level][slot] = next;
            if next == NONE {
                self.occupied[level] &= !(1 << slot);
            }
        }
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let free = self.free;
        let entry = &mut self.entries[index as usize];
        entry.generation = (entry.generation + 1) & GENERATION_MASK;
        entry.next = free;
        self.free = index;
        self.len -= 1;
        entry.value.take()
    }

    /// A tick before which no timer fires; none if none is set. The next timer may be later still.
    pub fn next(&self) -> Option<u64> {
        if self.len == 0 {
            return None;
        }
        for level in 0..LEVELS {
            if self.occupied[level] == 0 {
                continue;
            }
            let shift = SLOT_BITS * level as u32;
            let at = (self.now >> shift) as usize % SLOTS;
            let ahead = self.occupied[level]
                .rotate_right(at as u32)
                .trailing_zeros();
            let start = ((self.now >> shift) + u64::from(ahead)) << shift;
            // A slot of a higher level is looked at when its first tick comes.
            return Some(start.max(self.now));
        }
        None
    }

    /// Goes to tick `to`, handing over every timer that is due by then, in the order of their ticks.
    pub fn advance(&mut self, to: u64, fire: &mut impl FnMut(u64, T)) {
        while let Some(next) = self.next() {
            if next > to {
                break;
            }
            self.enter(next);
            let slot = next as usize % SLOTS;
            // Newest first in the list; timers of one tick fire in the order in which they were set.
            let (mut due, mut later) = (Vec::new(), Vec::new());
            while self.heads[0][slot] != NONE {
                let index = self.heads[0][slot];
                let tick = self.entries[index as usize].due;
                self.unlink(index);
                if tick > next {
                    later.push(index);
                } else {
                    due.extend(self.release(index).map(|value| (tick, value)));
                }
            }
            for (tick, value) in due.into_iter().rev() {
                fire(tick, value);
            }
            self.enter(next + 1);
            for index in later.into_iter().rev() {
                self.link(index);
            }
        }
        if self.now <= to {
            self.enter(to + 1);
        }
    }

    /// Goes to a tick, moving what has come near down.
    fn enter(&mut self, tick: u64) {
        let before = self.now;
        self.now = tick;
        for level in (1..LEVELS).rev() {
            let shift = SLOT_BITS * level as u32;
            if before >> shift == tick >> shift {
                continue;
            }
            let slot = (tick >> shift) as usize % SLOTS;
            let mut index = std::mem::replace(&mut self.heads[level][slot], NONE);
            self.occupied[level] &= !(1 << slot);
            // Relinked oldest first, so that the order within a tick stays.
            let mut moved = Vec::new();
            while index != NONE {
                moved.push(index);
                index = self.entries[index as usize].next;
            }
            for index in moved.into_iter().rev() {
                self.link(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fired(wheel: &mut Wheel<u64>, to: u64) -> Vec<u64> {
        let mut fired = Vec::new();
        wheel.advance(to, &mut |due, value| {
            assert_eq!(due, value);
            fired.push(value);
        });
        fired
    }

    #[test]
    fn timers_fire_at_their_tick_in_order() {
        let mut wheel = Wheel::new(1000);
        let mut due: Vec<u64> = [
            1000, 1001, 1001, 1063, 1064, 1100, 5000, 300_000, 20_000_000,
        ]
        .into_iter()
        .chain((0..40).map(|bit| 1001 + (1 << bit)))
        .collect();
        for &at in &due {
            wheel.insert(at, at);
        }
        due.sort_unstable();
        let mut seen = Vec::new();
        while let Some(next) = wheel.next() {
            seen.extend(fired(&mut wheel, next));
        }
        assert_eq!(seen, due);
    }

    #[test]
    fn nothing_fires_early_and_nothing_is_kept_late() {
        let mut wheel = Wheel::new(0);
        let mut random = 12345_u64;
        let mut open = Vec::new();
        let mut now = 0;
        for _ in 0..5000 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let at = now + (random >> 40) % (1 << ((random >> 33) % 20));
            wheel.insert(at, at);
            open.push(at);
            let step = (random >> 20) % 90;
            for value in fired(&mut wheel, now + step) {
                assert!(value <= now + step, "{value} fired at {}", now + step);
                let place = open.iter().position(|&at| at == value).expect("set once");
                open.swap_remove(place);
            }
            now += step + 1;
            assert!(open.iter().all(|&at| at >= now), "kept beyond {now}");
        }
        assert_eq!(wheel.len(), open.len());
    }

    #[test]
    fn a_cancelled_timer_is_gone_and_its_key_names_no_other() {
        let mut wheel = Wheel::new(0);
        let first = wheel.insert(10, 10);
        assert_eq!(wheel.cancel(first), Some((10, 10)));
        assert_eq!(wheel.cancel(first), None);
        let second = wheel.insert(10, 10);
        assert_eq!(second.index, first.index);
        assert_eq!(wheel.cancel(first), None);
        assert_eq!(wheel.get(second).map(|(due, _)| due), Some(10));
        assert_eq!(fired(&mut wheel, 10), [10]);
        assert_eq!(wheel.cancel(second), None);
        assert!(wheel.is_empty());
    }

    #[test]
    fn what_is_due_beyond_the_last_level_still_comes() {
        for (now, far) in [
            (5, 1 << 40),
            ((1 << 36) - 1, (1 << 36) + 7),
            (1 << 35, 3 << 36),
        ] {
            let mut wheel = Wheel::new(now);
            wheel.insert(far, far);
            let mut steps = 0;
            let mut seen = Vec::new();
            while let Some(next) = wheel.next() {
                assert!(next <= far);
                seen.extend(fired(&mut wheel, next));
                steps += 1;
                assert!(steps < 1000, "it comes nearer with every step");
            }
            assert_eq!(seen, [far]);
        }
    }
}

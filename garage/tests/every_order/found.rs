//! The worlds found so far, in the order of their distance from the first, each with the world it was first
//! reached from. They are kept whole, not as fingerprints: two worlds are one only if they are equal.

use crate::world::World;

/// No world has this number.
const NONE: u32 = u32::MAX;

/// Every world found. A table of our own, because a general one costs a debug build ten times as much.
pub(crate) struct Found {
    worlds: Vec<World>,
    from: Vec<u32>,
    /// World numbers by the worlds' hash; open addressing, at most half full.
    places: Vec<u32>,
}

impl Found {
    pub(crate) fn beginning_with(first: World) -> Self {
        let mut found = Self { worlds: Vec::new(), from: Vec::new(), places: vec![NONE; 1 << 16] };
        found.is_new(first, NONE);
        found
    }

    pub(crate) fn len(&self) -> usize {
        self.worlds.len()
    }

    pub(crate) fn get(&self, number: usize) -> World {
        self.worlds[number]
    }

    /// The world that this one was first reached from.
    pub(crate) fn before(&self, number: usize) -> Option<World> {
        self.worlds.get(self.from[number] as usize).copied()
    }

    /// Adds a world, reached from another, unless it was found before.
    pub(crate) fn is_new(&mut self, world: World, from: u32) -> bool {
        let place = self.place(&world);
        if self.places[place] != NONE {
            return false;
        }
        self.places[place] = u32::try_from(self.worlds.len()).unwrap_or(NONE);
        self.worlds.push(world);
        self.from.push(from);
        if self.worlds.len() * 2 > self.places.len() {
            self.grow();
        }
        true
    }

    /// Where the world is, or would be.
    fn place(&self, world: &World) -> usize {
        let mask = self.places.len() - 1;
        let mut place = world.hash() & mask;
        loop {
            let number = self.places[place];
            if number == NONE || self.worlds[number as usize] == *world {
                return place;
            }
            place = (place + 1) & mask;
        }
    }

    fn grow(&mut self) {
        self.places = vec![NONE; self.places.len() * 2];
        for number in 0..self.worlds.len() {
            let place = self.place(&self.worlds[number]);
            self.places[place] = u32::try_from(number).unwrap_or(NONE);
        }
    }

    /// The worlds on the way from the first to this one, both included.
    pub(crate) fn way(&self, to: usize) -> Vec<World> {
        let before = |number: &u32| Some(self.from[*number as usize]).filter(|from| *from != NONE);
        let back = std::iter::successors(u32::try_from(to).ok(), before);
        let mut way: Vec<World> = back.map(|number| self.worlds[number as usize]).collect();
        way.reverse();
        way
    }
}

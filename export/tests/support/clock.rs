//! The wall clock of a process of a harness, which somebody sets while it runs: libfaketime tells another time than the machine has, and leaves
//! the monotonic clock alone. `make faketime` fetches it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::dice::Dice;

const DAY: i64 = 86_400;
/// How wrong a clock may be, in seconds.
const WRONG: [i64; 7] = [-3_650 * DAY, -40 * DAY, -3_600, 0, 3_600, 40 * DAY, 3_650 * DAY];

/// A wall clock.
pub struct WallClock {
    /// The file that says how wrong it is.
    file: PathBuf,
}

impl WallClock {
    /// One that is right, once it was seen that a process goes by it.
    pub fn new(folder: &Path) -> Self {
        let clock = Self { file: folder.join("clock") };
        clock.set(-3_650 * DAY);
        let said = clock.rule(Command::new("date").arg("+%s")).output().unwrap();
        let said: i64 = String::from_utf8(said.stdout).unwrap().trim().parse().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        assert!((3_649 * DAY..3_651 * DAY).contains(&(now - said)), "{said} at {now}: the clock rules nobody");
        clock.set(0);
        clock
    }

    /// Sets it right, or wrong by so many seconds.
    fn set(&self, seconds: i64) {
        // Whoever reads it meanwhile must not find half of it.
        let unfinished = self.file.with_extension("unfinished");
        std::fs::write(&unfinished, format!("{seconds:+}\n")).unwrap();
        std::fs::rename(unfinished, &self.file).unwrap();
    }

    /// Sets it to anything.
    pub fn jump(&self, dice: &mut Dice) {
        self.set(WRONG[dice.below(WRONG.len() as u64) as usize]);
    }

    /// Sets it right.
    pub fn correct(&self) {
        self.set(0);
    }

    /// A process that goes by this clock.
    pub fn rule<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let tools = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap().join("tools/faketime/usr/lib");
        let folders =
            std::fs::read_dir(&tools).into_iter().flatten().chain(std::fs::read_dir("/usr/lib").into_iter().flatten());
        let library = folders
            .filter_map(|folder| Some(folder.ok()?.path().join("faketime/libfaketimeMT.so.1")))
            .find(|library| library.is_file())
            .unwrap_or_else(|| panic!("there is no libfaketime in {}: `make faketime` fetches it", tools.display()));
        command
            .env("LD_PRELOAD", library)
            .env("FAKETIME_TIMESTAMP_FILE", &self.file)
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
    }
}

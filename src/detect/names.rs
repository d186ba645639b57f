// SPDX-License-Identifier: GPL-2.0-only
//! What programs are called. Only the daemon knows names, and only to leave
//! processes out or to find where a game was started; none makes a game.

use super::tree::Proc;

/// Programs that draw and take input for hours and are no games.
const NOT_GAMES: &[&str] = &[
    // browsers
    "firefox",
    "firefox-bin",
    "chrome",
    "chromium",
    "brave",
    "vivaldi-bin",
    "opera",
    "msedge",
    "epiphany",
    "electron",
    "webkitwebprocess",
    "zen-bin",
    "librewolf",
    "steamwebhelper",
    // editors, and the engines' own
    "code",
    "codium",
    "zed-editor",
    "emacs",
    "gvim",
    "idea",
    "clion",
    "rider",
    "blender",
    "krita",
    "gimp",
    "unityeditor",
    "unity",
    "unrealeditor",
    "ue4editor",
    "godot",
    "godot4",
    "renpy-launcher",
    // players, recorders, calls
    "mpv",
    "vlc",
    "obs",
    "obs-studio",
    "kodi",
    "discord",
    "teams",
    "zoom",
    "spotify",
    "ffmpeg",
    // the desktop
    "kwin_wayland",
    "kwin_x11",
    "gnome-shell",
    "plasmashell",
    "mutter",
    "sway",
    "hyprland",
    "weston",
    "labwc",
    "xorg",
    "xwayland",
    "gamescope",
    "gamescope-wl",
    "mangoapp",
    "niri",
    "cosmic-comp",
    "wayfire",
    // shops
    "steam",
    "lutris",
    "heroic",
    "bottles",
    "minigalaxy",
    "itch",
    // terminals
    "kitty",
    "alacritty",
    "foot",
    "konsole",
    "gnome-terminal-",
    "wezterm-gui",
    "ghostty",
    "xterm",
    "ptyxis",
];

/// Parts of the Windows system that every Wine tree has, by file name.
const WINE_SYSTEM: &[&str] = &[
    "wineserver",
    "wine",
    "wine64",
    "wine-preloader",
    "wine64-preloader",
    "winedevice.exe",
    "services.exe",
    "plugplay.exe",
    "svchost.exe",
    "explorer.exe",
    "rpcss.exe",
    "tabtip.exe",
    "conhost.exe",
    "wineboot.exe",
    "start.exe",
    "cmd.exe",
    "rundll32.exe",
    "winemenubuilder.exe",
    "iexplore.exe",
    "steam.exe",
    "xalia.exe",
    "regsvr32.exe",
    "msiexec.exe",
];

/// What Steam, Lutris, Heroic and their runtimes put between themselves and the
/// game.
const WRAPPERS: &[&str] = &[
    "reaper",
    "pv-adverb",
    "pressure-vessel-wrap",
    "steam-launch-wrapper",
    "srt-bwrap",
    "bwrap",
    "proton",
    "_v2-entry-point",
    "umu-run",
    "lutris-wrapper",
    "legendary",
    "gogdl",
    "nile",
    "gamescopereaper",
    "gamemoderun",
    "mangohud",
    "scx_photon",
    "python3",
    "python",
    "sh",
    "bash",
    "env",
    "steam-runtime-la",
    "fossilize_replay",
    "vulkandriverquery",
    "d3ddriverquery64.exe",
    "xdg-open",
];

/// A file name that contains one of these belongs to something beside the game.
const HELPER_PARTS: &[&str] = &[
    "crashhandler",
    "crashreport",
    "crashpad",
    "crash_reporter",
    "crashsender",
    "bugreport",
    "sentry",
    "easyanticheat",
    "beservice",
    "battleye",
    "vgtray",
    "anticheat",
    "webhelper",
    "cefprocess",
    "cef_process",
    "subprocess",
    "webcore",
    "overlay",
    "updater",
    "redist",
    "vcredist",
    "dxsetup",
    "dotnetfx",
    "dotnetruntime",
    "dotnetsdk",
    "desktopruntime",
    "installscript",
    "eossdk",
    "prereq",
    "qtwebengine",
    "uploader",
    "telemetry",
];

/// A launcher stays while its game runs.
const LAUNCHER_PARTS: &[&str] = &[
    "launcher",
    "eadesktop",
    "eabackgroundservice",
    "origin.exe",
    "upc.exe",
    "uplay",
    "ubisoftconnect",
    "galaxyclient",
    "battle.net",
    "agent.exe",
    "start_protected_game",
    "riotclient",
    "bethesda.net",
    "minigalaxy",
    "bottles",
    "heroic",
    "lutris",
    "playnite",
];

/// Whoever made the game is not asked: these are what files are called in every
/// build system.
const BUILD_TOOLS: &[&str] = &[
    "make", "ninja", "cargo", "rustc", "cc1", "cc1plus", "gcc", "g++", "clang", "clang++", "ld",
    "ld.lld", "mold", "cmake", "go", "javac", "gradle", "bazel", "meson", "collect2", "as",
];

fn is_one_of(list: &[&str], proc: &Proc) -> bool {
    let program = proc.program();
    let comm = proc.comm.to_lowercase();
    list.iter().any(|n| *n == program || *n == comm)
}

fn contains_one_of(parts: &[&str], proc: &Proc) -> bool {
    let program: String = squeeze(&proc.program());
    let comm = squeeze(&proc.comm.to_lowercase());
    parts
        .iter()
        .any(|p| program.contains(p) || comm.contains(p))
}

/// `Crash Handler` and `Crash-Handler` are `crashhandler`.
fn squeeze(name: &str) -> String {
    name.chars().filter(|c| *c != ' ' && *c != '-').collect()
}

pub fn is_no_game(proc: &Proc) -> bool {
    is_one_of(NOT_GAMES, proc) || is_one_of(BUILD_TOOLS, proc)
}

pub fn is_wine_system(proc: &Proc) -> bool {
    is_one_of(WINE_SYSTEM, proc)
}

pub fn is_wrapper(proc: &Proc) -> bool {
    is_one_of(WRAPPERS, proc)
}

pub fn is_helper(proc: &Proc) -> bool {
    contains_one_of(HELPER_PARTS, proc)
}

pub fn is_launcher(proc: &Proc) -> bool {
    contains_one_of(LAUNCHER_PARTS, proc)
}

/// A name that stands at the beginning of a game, or is the game's own.
pub fn starts_a_game(comm: &str) -> bool {
    /// As far as 15 bytes show.
    const STARTERS: &[&str] = &[
        "reaper",
        "pv-adverb",
        "steam-launch-wr",
        "umu-run",
        "legendary",
        "gogdl",
        "nile",
        "gamescope",
        "gamescope-wl",
        "wineserver",
        "wine64-preloade",
        "wine-preloader",
    ];
    let name = comm.to_lowercase();
    STARTERS.contains(&name.as_str())
        || name.ends_with(".exe")
        || name.starts_with("lutris-wrapper")
}

/// A program of Windows, under Wine.
pub fn is_windows_program(proc: &Proc) -> bool {
    proc.program().ends_with(".exe") || proc.comm.to_lowercase().ends_with(".exe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_name_can_be_found() {
        for part in HELPER_PARTS.iter().chain(LAUNCHER_PARTS) {
            assert_eq!(squeeze(part), *part, "it is looked for in squeezed names");
        }
        let helps = |name: &str| HELPER_PARTS.iter().any(|part| squeeze(name).contains(part));
        for installer in [
            "dotnet-runtime-6.0.36-win-x64.exe",
            "windowsdesktop-runtime-8.0.11-win-x64.exe",
            "dotNetFx40_Full_x86_x64.exe",
        ] {
            assert!(helps(&installer.to_lowercase()), "{installer}");
        }
        assert!(!helps("dotnet"), "it runs games, too");
    }
}

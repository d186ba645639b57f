# SPDX-License-Identifier: GPL-2.0-only
# nix build 'git+file:///path/to/clone?dir=dist/nix'. A NixOS machine imports
# nixosModules.default and sets services.scx_photon.enable = true.
{
  description = "scx_photon, a sched_ext CPU scheduler for gaming";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      system = "x86_64-linux";
      pkgs = nixpkgs.legacyPackages.${system};
      root = ../..;
      package = pkgs.rustPlatform.buildRustPackage {
        pname = "scx_photon";
        version = (builtins.fromTOML (builtins.readFile (root + "/Cargo.toml"))).workspace.package.version;
        src = root;
        cargoLock.lockFile = root + "/Cargo.lock";
        cargoBuildFlags = [
          "--package"
          "scx_photon"
          "--package"
          "photon-dist"
        ];
        nativeBuildInputs = [
          pkgs.llvmPackages.clang-unwrapped
          pkgs.pkg-config
          # libclang, and where the headers of the C library are.
          pkgs.rustPlatform.bindgenHook
        ];
        buildInputs = [
          pkgs.elfutils
          pkgs.zlib
        ];
        env.BPF_CLANG = "${pkgs.llvmPackages.clang-unwrapped}/bin/clang";
        # Flags for the host's compiler mean nothing to BPF.
        hardeningDisable = [ "all" ];
        doCheck = false;
        postInstall = ''
          $out/bin/photon-dist tree --binary $out/bin/scx_photon --flavour nix --into $out
          rm $out/bin/photon-dist
        '';
        meta.mainProgram = "scx_photon";
        meta.license = pkgs.lib.licenses.gpl2Only;
      };
    in
    {
      packages.${system}.default = package;
      nixosModules.default =
        { config, lib, ... }:
        {
          options.services.scx_photon.enable = lib.mkEnableOption "scx_photon";
          options.services.scx_photon.flags = lib.mkOption {
            type = lib.types.listOf lib.types.str;
            default = [ ];
            example = [ "--profile" "lowlatency" ];
            description = "Flags of the daemon, none with a blank in it: see scx_photon --help.";
          };
          config = lib.mkIf config.services.scx_photon.enable {
            environment.systemPackages = [ package ];
            systemd.packages = [ package ];
            systemd.services.scx_photon = {
              wantedBy = [ "multi-user.target" ];
              serviceConfig.ExecStart = [
                ""
                "${package}/bin/scx_photon $SCX_PHOTON_FLAGS"
              ];
              serviceConfig.ExecReload = [
                ""
                "${pkgs.coreutils}/bin/kill -HUP $MAINPID"
              ];
              environment.SCX_PHOTON_FLAGS = lib.concatStringsSep " " config.services.scx_photon.flags;
            };
          };
        };
    };
}

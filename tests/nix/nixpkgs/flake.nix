# A stand-in for nixpkgs: what flake.nix of the repository takes from it, made of this machine's own programs.
{
  outputs = { self }:
    let
      inherit (builtins) concatStringsSep map readFile;
      system = "x86_64-linux";
      # the test puts these here: PATH, what pip is told by this machine's environment, envs/constraints.txt
      path = readFile ./path;
      setting = "${readFile ./pip}\nexport PATH=${path} HOME=$TMPDIR SOURCE_DATE_EPOCH=315532800 LC_ALL=C.UTF-8";

      derive = attributes: script: derivation ({ inherit system; builder = "/bin/bash"; }
        // removeAttrs attributes [ "nativeBuildInputs" "buildInputs" "packages" "installPhase" ]
        # not the last command but bash must end the job: Nix kills what has closed its output and not yet ended
        // { args = [ "-euc" "${setting}\n${script}\n:" ]; });
      empty = name: derive { inherit name; } "mkdir $out";

      # a program of this machine under its own name
      python = derive { name = "python3.11"; } ''
        mkdir -p $out/bin
        ln -s "$(python3.11 -c 'import os, sys; print(os.path.realpath(sys.executable))')" $out/bin/python
      '' // {
        sitePackages = "lib/python3.11/site-packages";
        withPackages = _: derive { name = "python3.11-tools"; } ''
          python3.11 -m venv $out
          $out/bin/python -m pip install --quiet "$(grep ^setuptools== ${./constraints.txt})"
        '';
      };
      bash = derive { name = "bash"; } "mkdir -p $out/bin; ln -s /bin/bash $out/bin/bash";
    in
    {
      legacyPackages.${system} = {
        inherit bash;
        bashInteractive = bash;
        python311 = python;
        autoPatchelfHook = empty "auto-patchelf-hook";
        zlib = empty "zlib";
        cacert = empty "cacert";
        stdenv = {
          cc.cc.lib = empty "libstdcxx";
          mkDerivation = attributes: derive attributes attributes.installPhase;
        };
        runCommand = name: attributes: script: derive (attributes // { inherit name; }) script;
        writeShellScript = name: script: derive { inherit name; text = "#!/bin/bash\n${script}"; passAsFile = [ "text" ]; }
          "cp $textPath $out; chmod +x $out";
        linkFarm = name: entries: derive { inherit name; } ''
          mkdir $out
          ${concatStringsSep "\n" (map (entry: "ln -s ${entry.path} $out/${entry.name}") entries)}
        '';
        mkShell = attributes: derive (attributes // {
          name = "shell";
          outputs = [ "out" ];
          stdenv = derive { name = "stdenv"; } ''
            mkdir $out
            echo 'export PATH=${concatStringsSep ":" (map (package: "${package}/bin") attributes.packages)}:${path}' > $out/setup
          '';
        }) "touch $out";
      };
    };
}

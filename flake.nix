# The environments of envs/*.txt, built by Nix under the names that envs/build gives them; how: README, "Environments".
{
  description = "Ouroboros: a machine-learning life cycle as a Snakemake workflow";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs = { self, nixpkgs }:
    let
      inherit (builtins) attrNames elemAt filter fromJSON listToAttrs map mapAttrs match readFile;
      systems = fromJSON (readFile ./envs/wheels.json); # system -> name and digest of a lock -> hash of its wheels

      built = system: hashes:
        let
          pkgs = nixpkgs.legacyPackages.${system};
          python = pkgs.python311;
          tools = python.withPackages (packages: [ packages.pip packages.setuptools ]);
          name = id: elemAt (match "(.*)-[0-9a-f]{12}" id) 0;

          wheels = id: pkgs.stdenv.mkDerivation {
            name = "${id}-wheels";
            dontUnpack = true;
            nativeBuildInputs = [ pkgs.cacert ];
            installPhase = ''
              mkdir $out
              ${tools}/bin/python ${./envs/wheels.py} ${./envs + "/${name id}.txt"} $out
            '';
            dontFixup = true;
            outputHashMode = "recursive";
            outputHash = hashes.${id};
            impureEnvVars = [ "PIP_CACHE_DIR" "PIP_CERT" "PIP_INDEX_URL" "http_proxy" "https_proxy" "no_proxy" ];
          };

          environment = id: pkgs.stdenv.mkDerivation {
            name = id;
            dontUnpack = true;
            nativeBuildInputs = [ pkgs.autoPatchelfHook ];
            buildInputs = [ pkgs.stdenv.cc.cc.lib pkgs.zlib ];
            autoPatchelfIgnoreMissingDeps = true;
            dontStrip = true;
            installPhase = ''
              ${python}/bin/python -m venv --without-pip $out
              PYTHONPATH=${tools}/${python.sitePackages} $out/bin/python -m pip install --quiet --ignore-installed \
                --no-index --no-deps --no-build-isolation --no-compile --no-cache-dir ${wheels id}/*
              # by hash, since the store knows no times; templates that are not Python yet do not compile, and the tests
              # of packages are never imported
              $out/bin/python -m compileall -q -x '/tests?/' --invalidation-mode unchecked-hash $out/lib \
                > /dev/null || true
            '';
          };

          environments = mapAttrs (id: _: environment id) hashes;
          folder = title: kept: pkgs.linkFarm title
            (map (id: { name = id; path = environments.${id}; }) (filter (id: kept (name id)) (attrNames hashes)));
          jobs = folder "jobs" (name: match "test|slurm|client|fuzz|.*-gpu" name == null);
          named = listToAttrs (map (id: { name = name id; value = environments.${id}; }) (attrNames hashes));
          settings = {
            OUROBOROS_ENVS = jobs;
            OUROBOROS_PYTHON = "${named.driver}/bin/python";
          };
          app = target: {
            type = "app";
            program = toString (pkgs.writeShellScript target ''
              export OUROBOROS_ENVS=${jobs}
              exec ${named.driver}/bin/snakemake ${target} "$@"
            '');
          };
        in
        {
          packages = named // {
            inherit jobs; # what the jobs of the workflow need
            default = jobs;
            envs = folder "envs" (name: match ".*-gpu" name == null); # and what tests and SLURM need
          };
          devShells.default = pkgs.mkShell (settings // { packages = [ named.driver ]; });
          apps = { deploy = app "deploy"; serve = app "serve"; default = app "deploy"; };
          checks.life-cycle = pkgs.runCommand "life-cycle" settings ''
            cp -r ${self} clone
            chmod -R u+w clone
            cd clone
            export HOME=$PWD
            $OUROBOROS_PYTHON -c 'import pathlib, tests.tiny; tests.tiny.make(pathlib.Path("."))'
            ${named.driver}/bin/snakemake deploy
            ${named.driver}/bin/snakemake explain
            ${named.driver}/bin/snakemake verify
            mv results $out
          '';
        };

      outputs = mapAttrs built systems;
      each = kind: mapAttrs (_: output: output.${kind}) outputs;
    in
    {
      packages = each "packages";
      devShells = each "devShells";
      apps = each "apps";
      checks = each "checks";
    };
}

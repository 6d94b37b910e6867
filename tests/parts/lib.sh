# shellcheck shell=bash disable=SC2034
# Shared by build and smoke: what a part is, whether its image is current, how one is built.
# Sourced, never run. Needs Linux and bash 5.
#
# A part is a folder here with a Dockerfile and a file named `part`, a bash fragment that sets
#   version   the image's tag; the image is localhost/vv-parts/FOLDER:VERSION
#   real      what it really is, for the label vv.parts.real; or
#   package   the Debian package whose installed version says so; or
#   stands_in the system that a stand-in answers for (label vv.parts.stand-in)
#   needs     the parts whose images its Dockerfile is FROM, or copies from
#   tools     the commands that prepare calls on this machine
#   like      another part whose files (all but `part`) it starts from
#   network   the network of the build's steps: none, where they listen on ports (default: host)
#   sources   further files and folders, relative to the repository, that its image is made of
# and may define prepare, which runs in the build context, a copy of the folder, and completes it.

if [ "$(uname -s)" != Linux ] || [ "${BASH_VERSINFO[0]}" -lt 5 ]; then
    echo "tests/parts: these images are built on Linux (Debian or Ubuntu) with bash 5 or newer" >&2
    exit 1
fi

readonly PREFIX=localhost/vv-parts
# Raised when this file changes in a way that makes every image out of date.
readonly RECIPE_FORMAT=1

PARTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$PARTS/../.." && pwd)
WORK=${VV_PARTS_WORK:-$PARTS/.work}
readonly PARTS REPO WORK

# The classic builder needs no plugin beside the docker client.
export DOCKER_BUILDKIT=${DOCKER_BUILDKIT:-0}

have() { command -v "$1" >/dev/null 2>&1; }

# Every part, those that others wait for first, and last those that only tests of their own want.
all_parts() {
    local order="busybox base redis jre kafka consul jaeger postgres rabbitmq prometheus nginx" dir name
    local late="envoy clickhouse elasticsearch"
    for name in $order; do [ ! -f "$PARTS/$name/part" ] || printf "%s\n" "$name"; done
    for dir in "$PARTS"/*/; do
        name=$(basename "$dir")
        if [ -f "$dir/part" ] && [[ " $order $late " != *" $name "* ]]; then printf '%s\n' "$name"; fi
    done
    for name in $late; do [ ! -f "$PARTS/$name/part" ] || printf "%s\n" "$name"; done
}

# Reads a part's fields into the caller's shell; call it in a subshell.
load_part() {
    name=$1 version='' real='' package='' stands_in='' needs='' tools='' like='' sources='' network=host
    prepare() { :; }
    # shellcheck source=/dev/null
    . "$PARTS/$name/part"
    image=$PREFIX/$name:$version
}

# One field of a part: field redis image.
field() (load_part "$1" && printf '%s' "${!2}")

# The parts named, after those they need, each once.
with_needs() {
    local part need
    for part in "$@"; do
        [[ " $RESOLVED " != *" $part "* ]] || continue
        for need in $(field "$part" needs); do with_needs "$need"; done
        RESOLVED+=" $part"
    done
}

# A hash of everything that an image is made from.
recipe_hash() (
    load_part "$1"
    {
        printf 'format %s\n' "$RECIPE_FORMAT"
        for path in "$PARTS/$name" ${like:+"$PARTS/$like"}; do hash_files "$path"; done
        for path in $sources; do hash_files "$REPO/$path"; done
        for need in $needs; do recipe_hash "$need"; done
    } | sha256sum | cut -c 1-16
)

# The hashes of the files in a folder, named relative to it, in an order that no locale changes.
hash_files() {
    if [ -f "$1" ]; then sha256sum <"$1"; else
        (cd "$1" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
    fi
}

# The recipe hash that the engine's image carries, nothing if there is no such image.
built_hash() { docker image inspect -f '{{index .Config.Labels "vv.parts.recipe"}}' "$1" 2>/dev/null || true; }

is_current() { [ "$(built_hash "$(field "$1" image)")" = "$(recipe_hash "$1")" ]; }

# Builds one part's image; everything it says goes to stdout and stderr.
build_part() (
    set -euo pipefail
    load_part "$1"
    context=$WORK/$name
    trap 'rm -rf "$context"' EXIT
    rm -rf "$context"
    mkdir -p "$context"
    if [ -n "$like" ]; then cp -r "$PARTS/$like/." "$context/"; fi
    cp -r "$PARTS/$name/." "$context/"
    cd "$context"
    echo "prepare $name"
    prepare
    # What only the build reads stays out of the image.
    printf '%s\n' part 'Dockerfile*' pom.xml 'go.*' .dockerignore >.dockerignore
    echo "docker build $image"
    labels=(--label "vv.parts.recipe=$(recipe_hash "$name")")
    # Said of every image, because labels are inherited.
    if [ -n "$stands_in" ]; then real="no: test code that stands in for $stands_in" && labels+=(--label vv.parts.stand-in=true); fi
    if [ -n "$real" ]; then labels+=(--label "vv.parts.real=$real"); fi
    before=$(docker image inspect -f '{{.Id}}' "$image" 2>/dev/null || true)
    if [ -z "$package" ]; then
        docker_build "$image" "${labels[@]}"
    else
        # What Debian installed is only known afterwards.
        docker_build "$PREFIX/$name:building"
        installed=$(docker run --rm --network none --entrypoint dpkg-query "$PREFIX/$name:building" -W -f '${Version}' "$package")
        printf 'FROM %s\n' "$PREFIX/$name:building" >Dockerfile.label
        version=${installed#*:} # without the epoch, and below without the packager's own revision
        docker_build "$image" -f Dockerfile.label "${labels[@]}" --label "vv.parts.real=$package ${version%%[-+]*} (Debian $installed)"
        docker rmi "$PREFIX/$name:building" >/dev/null
    fi
    # The image of the former recipe, unless a container still uses it.
    if [ -n "$before" ]; then docker rmi "$before" >/dev/null 2>&1 || true; fi
)

# Builds from the context that is the working folder: docker_build TAG OPTION... The steps run in the engine at
# a quarter of the processor weight of other containers. They use the machine's network directly, unless the
# part says otherwise: a bridge often has no way out on build machines.
docker_build() {
    local tag=$1
    shift
    local weight=()
    if [ "$DOCKER_BUILDKIT" = 0 ]; then weight=(--cpu-shares 256 --force-rm); fi
    docker build -t "$tag" --network "$network" "${weight[@]}" \
        --build-arg http_proxy --build-arg https_proxy --build-arg no_proxy "$@" . 2>&1
}

# --- For prepare -----------------------------------------------------------------------------------------

# The Debian mirrors that this machine itself uses, as "main URL" and "security URL" lines; none elsewhere
# than on Debian.
debian_mirrors() {
    local url
    (. /etc/os-release && [ "$ID" = debian ]) || return 0
    cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
        sed -nE 's/^(deb (\[[^]]*\] )?|URIs: *)([a-z+]+:[^ ]+).*/\3/p' | LC_ALL=C sort -u |
        while read -r url; do
            case ${url%/} in
            */debian-security) echo "security $url" ;;
            */debian) echo "main $url" ;;
            esac
        done
}

# Fetches a package of this machine's own release and unpacks it: debian_unpack busybox-static DIR
debian_unpack() {
    apt-get download -q "$1" || { apt-get update -q && apt-get download -q "$1"; }
    dpkg-deb -x "$1"_*.deb "$2"
    rm -f "$1"_*.deb
}

# Compiles a program of a Go module into a static binary: go_program PACKAGE FILE. The context's go.mod and
# go.sum fix the version of everything in it. Caches are Go's own. Debug tables are left out, which saves
# a tenth of the time.
go_program() {
    CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly \
        go build -v -trimpath -gcflags=all=-dwarf=false -ldflags='-s -w' -o "$2" "$1"
}

# Copies the jars that pom.xml names, and what those need, into a folder: maven_jars libs
maven_jars() { mvn -q -B -C dependency:copy-dependencies -DoutputDirectory="$1" -DincludeScope=runtime; }

# Kafka: the class path, in an order that its class archive can rely on, and the commands of bin/ as links
# to the one script that knows their classes, with and without the .sh that some distributions add.
class_path_and_commands() {
    local command _
    (cd libs && printf '/opt/kafka/libs/%s\n' *.jar) | LC_ALL=C sort | paste -s -d : >class-path
    mkdir -p bin
    while read -r command _; do
        ln -s ../run-command "bin/$command"
        ln -s ../run-command "bin/$command.sh"
    done <commands
}

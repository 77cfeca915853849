#!/bin/busybox sh
# The first process of the emulated machine: mounts, loads the drivers it was given in the order of
# /modules, and then does what arrives on the second serial line until the power goes.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/shm /tmp /run /disk /host
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp

# $parameters holds several words.
while read -r name parameters; do
    insmod "/modules.d/$name.ko" $parameters || echo "init: no module $name"
done </modules

# Files are cached for running them alone, so that both sides see at once what the other writes.
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=mmap host /host
# Programs of the host find their loader and libraries where Debian has them.
mkdir -p /lib
ln -s /host/lib /lib64
ln -s /host/lib /lib/x86_64-linux-gnu
export PATH=/host/bin:/bin HOME=/tmp

# Held open all the time: what arrives before anybody listens would be lost.
exec 3<>/dev/ttyS1
stty raw -echo <&3
echo "init: ready"

command=
while IFS= read -r line <&3; do
    case "$line" in
    "@run "*)
        sh -c "$command" </dev/null >&3 2>&1
        printf '\n@end %s %s\n' "${line#@run }" "$?" >&3
        command=
        ;;
    *)
        command="$command$line
"
        ;;
    esac
done

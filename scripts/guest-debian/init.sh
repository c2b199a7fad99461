#!/bin/busybox sh
# First process of the guest: a shell on the serial line, or the system on the disk that root= names.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
echo HYPERSCOPE-GUEST-READY
/bin/busybox cat /proc/version

/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM=vt100

# Loads the modules of a list, which is in the order of their dependencies, unless they are there: load_modules hyperv
load_modules() {
  while read -r module; do
    name=$(basename "$module" .ko | tr - _)
    [ -d "/sys/module/$name" ] || insmod "/lib/modules/$module"
  done < "/lib/modules/$1.order"
}

for word in $(cat /proc/cmdline); do
  case "$word" in
    hyperscope.modules=*) load_modules "${word#*=}" ;;
    hyperscope.daemons) daemons=yes ;;
    root=*) root=${word#*=} ;;
  esac
done

# The device of root=/dev/NAME, root=LABEL=TEXT or root=UUID=TEXT, once there is one.
find_root() {
  for try in 1 2 3 4 5 6 7 8 9 10; do
    case "$root" in
      *=*) device=$(findfs "$root" 2> /dev/null) && return ;;
      *) device=$root && [ -b "$device" ] && return ;;
    esac
    sleep 0.2
  done
  return 1
}

if [ -n "$root" ]; then
  # The disk may be on VMBus or not; its userland finds the other devices of the bus, too.
  [ -d /sys/bus/acpi/devices/VMBUS:00 ] && load_modules hyperv
  load_modules rootdisk
  if find_root && mount -t ext4 -o ro "$device" /mnt; then
    for folder in proc sys dev; do mount --move "/$folder" "/mnt/$folder"; done
    exec switch_root /mnt /sbin/init
  fi
  echo "There is no root file system on $root."
fi

# Data exchange, backup and file copy answer through these.
if [ -n "$daemons" ]; then
  for daemon in kvp vss fcopy; do /usr/sbin/hv_${daemon}_daemon; done
fi

setsid cttyhack sh -l
poweroff -f

# The parent instance, in a guest: run by busybox as `init`. The host writes a command a line on the
# serial line, as `NUMBER COMMAND`, and is told how it ended, as `guest: NUMBER exit CODE`.
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmp /tmp
exec </dev/console
# The commands are not to be echoed between the answers.
stty -echo
# Through a pipe: on a terminal, the client would draw its progress.
mkfifo /tmp/said
cat /tmp/said >/dev/console &
exec >/tmp/said 2>&1

cd /sealnote
echo "guest: booted: Linux $(uname -r), $(date -u)"
while read -r number command; do
    eval "$command"
    echo "guest: $number exit $?"
done

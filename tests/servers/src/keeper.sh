# Keeps one server: when the owner is gone, ends the server and removes its folder.
# $1: the folder; $2: the file in it whose first line is the server's process id.
folder=$1
file=$folder/$2

while read -r _; do :; done

server=
[ ! -r "$file" ] || read -r server <"$file"
# The id may be an old one that another program has by now: the server has its folder among its arguments.
if [ -n "$server" ] && tr '\0' '\n' <"/proc/$server/cmdline" | grep -qF "$folder/"; then
    # In this order, so that a paused server gets the signal when it goes on. A server that still runs after five
    # seconds is killed.
    kill -s QUIT "$server"
    # shellcheck disable=SC2046
    kill -s CONT "$server" $(cat "/proc/$server/task/$server/children")
    looks=0
    while kill -0 "$server" && [ "$looks" -lt 250 ]; do
        looks=$((looks + 1))
        sleep 0.02
    done
    kill -s KILL "$server"
fi

# Line 7 of PostgreSQL's file names its segment of shared memory, which only a killed server leaves behind.
if [ -r "$file" ]; then
    segment=$(sed -n '7s/.* //p' "$file")
    [ -z "$segment" ] || ipcrm -m "$segment"
fi

# Twice: a program that was writing when its owner went may add a file meanwhile.
rm -rf "$folder" || { sleep 0.2; rm -rf "$folder"; }

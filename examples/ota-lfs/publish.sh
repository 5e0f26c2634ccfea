#!/bin/sh
# Puts into public/ what the device asks for: the image, and a line about it.
set -e
mkdir -p public
nodemcu-sim luac -f -o public/lfs.img lfs/*.lua
version=$(sed -n 's/^return //p' lfs/version.lua)
sum=$(openssl dgst -sha1 -r public/lfs.img | cut -d ' ' -f 1)
echo "$version $(wc -c <public/lfs.img | tr -d ' ') $sum" >public/version

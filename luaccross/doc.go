// Package luaccross is luac.cross, the compiler that the firmware's makers give to people for their
// PCs: the same options, messages, exit statuses and files, as a function of this program's.
//
// What it compiles with is device/vm/luac, images come from device/vm/luac/lfs; here is the command
// around them. Its files are byte-identical to luac.cross's.
//
// What differs:
//
//   - An option without its argument (-a, -m at the end) is an error, where luac.cross crashes.
//   - A file of more than 4 MiB is not read: nothing that fits a chip is near.
//   - Listings number functions where luac.cross shows addresses of the PC's.
//   - A script (-e) sees the firmware's standard library and no more: luac.cross's has io, os and some
//     modules of the firmware, too.
//
// Sources: oracle: lfs-images.json, lfs-format.md; fw: app/lua/luac_cross/luac.c (behaviour).
package luaccross

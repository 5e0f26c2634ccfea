package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/nodemcu-sim/nodemcu-sim/app"
	"github.com/nodemcu-sim/nodemcu-sim/boards"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash"
	"github.com/nodemcu-sim/nodemcu-sim/device/flash/hostdir"
)

func flashCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "flash",
		Short: "Make and read what goes onto a chip: SPIFFS images and whole-flash files",
		Long: `Make and read what goes onto a chip. A FILE is an image of a SPIFFS partition, in
the format of the firmware, or a whole flash: what run --flash keeps, or what esptool
reads from a chip (esptool.py read_flash 0 0x400000 FILE). Which of the two it is shows
by its content. What is written to a FILE is there as a whole or not at all.

The firmware neither checks nor repairs a file system; check says what it would meet.
docs/flash.md has the formats, and how an image gets onto a chip.`,
		Example: `  nodemcu-sim flash make ./app app.spiffs
  nodemcu-sim flash ls app.spiffs
  nodemcu-sim flash get dump.bin init.lua
  nodemcu-sim flash put flash.bin config.json
  nodemcu-sim flash check dump.bin`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("flash knows no %q: it has make, ls, get, put, rm, check and format", args[0])
			}
			return nil
		},
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(flashMake(), flashLs(), flashGet(), flashPut(), flashRm(), flashCheck(), flashFormat())
	return c
}

// arguments asks for at least so many, at most: 0 for any number.
func arguments(least, most int, need string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) < least || most > 0 && len(args) > most {
			return fmt.Errorf("flash %s takes %s; see nodemcu-sim flash %[1]s --help", c.Name(), need)
		}
		return nil
	}
}

// onFlash is what a command does with a file that has a file system. With write, what it has
// changed is stored.
func onFlash(name string, write bool, fn func(f *app.FlashFile) error) (err error) {
	f, err := app.OpenFlash(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := f.Mounted(name); err != nil {
		return err
	}
	if err := fn(f); err != nil || !write {
		return err
	}
	return f.Commit()
}

func flashMake() *cobra.Command {
	var o app.FlashOptions
	size := ""
	c := &cobra.Command{
		Use:   "make [flags] DIR FILE",
		Short: "Make a SPIFFS image of a directory, or a whole-flash file",
		Long: `Make an image of the SPIFFS partition of a board with the files of DIR on it, as
run would load them: [fs] exclude of the project file counts, and so does its board.
FILE must not exist. The last line says where on the chip it belongs.`,
		Example: `  nodemcu-sim flash make ./app app.spiffs
  nodemcu-sim flash make --board wemos-d1-mini ./app app.spiffs
  nodemcu-sim flash make --size 512K ./app app.spiffs
  nodemcu-sim flash make --whole ./app flash.bin`,
		Args: arguments(2, 2, "the app's directory and the file to make"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			if size != "" {
				if o.Whole {
					return errors.New("--size is that of an image, --whole makes the flash of a board: give one of the two")
				}
				if o.Size, err = parseSize(size); err != nil {
					return fmt.Errorf("--size %q: %w", size, err)
				}
			}
			o.Dir = args[0]
			m, err := app.MakeFlash(args[1], o)
			if err != nil {
				return inFlags(err)
			}
			for _, s := range m.Skipped {
				fmt.Fprintln(c.ErrOrStderr(), "nodemcu-sim: left out: "+s)
			}
			fmt.Fprintf(c.OutOrStdout(), "%s: %d bytes with %d files, %d bytes\n", args[1], m.Size, m.Files, m.Bytes)
			switch {
			case o.Whole:
				fmt.Fprintf(c.OutOrStdout(), "it has no firmware: nodemcu-sim run --flash %s runs it\n", args[1])
			case o.Size == 0:
				fmt.Fprintf(c.OutOrStdout(), "on the chip it belongs at 0x%x, unless its partition table says otherwise: esptool.py write_flash 0x%[1]x %[2]s\n", m.Address, args[1])
			}
			return nil
		},
	}
	c.Flags().SortFlags = false
	c.Flags().StringVar(&o.Board, "board", "", "board profile (default from the project file, else nodemcu-v1)")
	c.Flags().StringVar(&size, "size", "", "bytes of the image, such as 512K or 0x80000 (default the board's partition)")
	c.Flags().BoolVar(&o.Whole, "whole", false, "make a file of the board's whole flash, for run --flash")
	c.ValidArgsFunction = dirThenFile
	if err := c.RegisterFlagCompletionFunc("board", cobra.FixedCompletions(boards.Names(), cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
	return c
}

// dirThenFile completes a directory and then a file.
func dirThenFile(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// namesOn completes the file, and then the names of what is on it.
func namesOn(_ *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveDefault
	}
	_ = onFlash(args[0], false, func(f *app.FlashFile) error { // without it there are none
		for _, s := range f.FS.List() {
			names = append(names, s.Name)
		}
		return nil
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// parseSize reads a number of bytes.
func parseSize(text string) (int, error) {
	digits, unit := text, 1
	for suffix, n := range map[string]int{"K": 1 << 10, "M": 1 << 20} {
		if d, ok := strings.CutSuffix(strings.ToUpper(text), suffix); ok {
			digits, unit = d, n
		}
	}
	n, err := strconv.ParseInt(digits, 0, 32)
	if err != nil {
		return 0, errors.New("write a number of bytes, such as 524288, 0x80000 or 512K")
	}
	return int(n) * unit, nil
}

func flashLs() *cobra.Command {
	return &cobra.Command{
		Use:     "ls FILE",
		Short:   "List the files of an image or a whole flash",
		Long:    "List the files, by name, with their sizes in bytes. The last line is what file.fsinfo\nsays: not all of what remains can be written, see docs/flash.md.",
		Example: "  nodemcu-sim flash ls app.spiffs",
		Args:    arguments(1, 1, "a file"),
		RunE: func(c *cobra.Command, args []string) error {
			return onFlash(args[0], false, func(f *app.FlashFile) error {
				t := table{{"BYTES", "NAME"}}
				for _, s := range f.FS.List() {
					t.row(s.Size, s.Name)
				}
				t.write(c.OutOrStdout())
				remaining, used, total := f.FS.Info()
				fmt.Fprintf(c.OutOrStdout(), "%d bytes used of %d, %d remain\n", used, total, remaining)
				return nil
			})
		},
	}
}

func flashGet() *cobra.Command {
	all := ""
	c := &cobra.Command{
		Use:   "get FILE NAME [TO]",
		Short: "Read a file out of an image or a whole flash",
		Long: `Write the content of NAME to the file TO, or to standard output. With --all DIR all
files go into the directory DIR, which must be there; names that are none on this
computer are changed as run --flash-dir does.`,
		Example: `  nodemcu-sim flash get dump.bin init.lua
  nodemcu-sim flash get dump.bin init.lua old-init.lua
  nodemcu-sim flash get --all rescued dump.bin`,
		Args: func(c *cobra.Command, args []string) error {
			if all != "" {
				return arguments(1, 1, "one file with --all")(c, args)
			}
			return arguments(2, 3, "a file and a name on it, and where it goes")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			return onFlash(args[0], false, func(f *app.FlashFile) error {
				if all != "" {
					return getAll(c.ErrOrStderr(), f.FS, all)
				}
				data, err := f.FS.Extract("/FLASH/" + args[1])
				if errors.Is(err, flash.ErrNotFound) {
					return fmt.Errorf("there is no %q on %s; nodemcu-sim flash ls %[2]s lists the files", args[1], args[0])
				}
				damaged := err
				if len(args) == 3 {
					err = os.WriteFile(args[2], data, 0o666)
				} else {
					_, err = c.OutOrStdout().Write(data)
				}
				if damaged != nil {
					damaged = &statusError{exitFailed, fmt.Sprintf("%q is damaged, these are its first %d bytes: %v", args[1], len(data), damaged)}
				}
				return errors.Join(err, damaged)
			})
		},
	}
	c.Flags().StringVar(&all, "all", "", "write all files into this directory")
	c.ValidArgsFunction = namesOn
	return c
}

// getAll writes all files into a directory. Of one that is damaged it writes what there is.
func getAll(stderr io.Writer, f *flash.FS, name string) error {
	dir, err := hostdir.Open(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	damaged := 0
	for _, s := range f.List() {
		data, err := f.Extract("/FLASH/" + s.Name)
		if err != nil {
			damaged++
			fmt.Fprintf(stderr, "nodemcu-sim: %q is damaged, its first %d bytes are written: %v\n", s.Name, len(data), err)
		}
		if err := dir.Save(s.Name, data); err != nil {
			return err
		}
	}
	if damaged > 0 {
		return &statusError{exitFailed, fmt.Sprintf("%d files are damaged", damaged)}
	}
	return nil
}

func flashPut() *cobra.Command {
	as := ""
	c := &cobra.Command{
		Use:   "put FILE PATH...",
		Short: "Write files into an image or a whole flash",
		Long: `Write the files of this computer that PATHs name to the flash, under the last part of
their names, or one of them under the name of --as. Files of that name are replaced. When
one does not fit, nothing is written.`,
		Example: `  nodemcu-sim flash put flash.bin config.json
  nodemcu-sim flash put --as init.lua flash.bin test.lua`,
		Args: arguments(2, 0, "a file and what is to be put on it"),
		RunE: func(c *cobra.Command, args []string) error {
			if as != "" && len(args) != 2 {
				return errors.New("--as is the name of one file, and more are given")
			}
			return onFlash(args[0], true, func(f *app.FlashFile) error {
				for _, path := range args[1:] {
					name := as
					if name == "" {
						name = filepath.Base(path)
					}
					if err := put(f.FS, name, path); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	c.Flags().StringVar(&as, "as", "", "the file's name on the flash, of at most 31 bytes")
	return c
}

func put(f *flash.FS, name, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("cannot read %s: %w", path, err.(*os.PathError).Err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, int64(f.Size())+1))
	if err != nil {
		return fmt.Errorf("cannot read %s: it is not a file that can be read", path)
	}
	switch err := f.Put("/FLASH/"+name, data); {
	case errors.Is(err, flash.ErrName):
		return fmt.Errorf("%q is no name on the flash, which has at most 31 bytes: give another with --as", name)
	case err != nil:
		remaining, _, _ := f.Info()
		return fmt.Errorf("%s does not fit: %d bytes remain, and not all of them can be used; nothing was written", path, remaining)
	}
	return nil
}

func flashRm() *cobra.Command {
	return &cobra.Command{
		Use:               "rm FILE NAME...",
		Short:             "Remove files from an image or a whole flash",
		Example:           "  nodemcu-sim flash rm flash.bin old.lua",
		Args:              arguments(2, 0, "a file and names on it"),
		ValidArgsFunction: namesOn,
		RunE: func(c *cobra.Command, args []string) error {
			return onFlash(args[0], true, func(f *app.FlashFile) error {
				for _, name := range args[1:] {
					if err := f.FS.Remove("/FLASH/" + name); err != nil {
						return fmt.Errorf("cannot remove %q from %s: %w; nothing was removed", name, args[0], err)
					}
				}
				return nil
			})
		},
	}
}

func flashCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is on an image or a whole flash, and what is wrong with it",
		Long: `Say what is found on FILE and what the simulator has no use for, and look through the
file system for pages that do not belong together: what the firmware would meet when
it reads them, as it looks for nothing itself. Nothing is written. Status 1 when something
is wrong.`,
		Example: "  nodemcu-sim flash check dump.bin",
		Args:    arguments(1, 1, "a file"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			f, err := app.OpenFlash(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			out := c.OutOrStdout()
			for _, line := range f.Survey.Found {
				fmt.Fprintln(out, "found: "+line)
			}
			for _, line := range f.Survey.Ignored {
				fmt.Fprintln(out, "ignored: "+line)
			}
			if err := f.Mounted(args[0]); err != nil {
				return &statusError{exitFailed, err.Error()}
			}
			blocks, size := f.FS.Geometry()
			fmt.Fprintf(out, "SPIFFS of %d blocks of %d bytes, with %d files\n", blocks, size, len(f.FS.List()))
			faults := f.FS.Check()
			for _, line := range faults {
				fmt.Fprintln(out, line)
			}
			if len(faults) > 0 {
				return &statusError{exitFailed, args[0] + " is damaged: nodemcu-sim flash get --all saves what can be read, flash format makes it empty"}
			}
			fmt.Fprintln(out, "nothing is wrong")
			return nil
		},
	}
}

func flashFormat() *cobra.Command {
	return &cobra.Command{
		Use:     "format FILE",
		Short:   "Make the file system of an image or a whole flash empty",
		Long:    "Make the file system empty, as file.format() does. All else on a whole flash stays.",
		Example: "  nodemcu-sim flash format flash.bin",
		Args:    arguments(1, 1, "a file"),
		RunE: func(c *cobra.Command, args []string) (err error) {
			f, err := app.OpenFlash(args[0])
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			f.FS.Format()
			return f.Commit()
		},
	}
}

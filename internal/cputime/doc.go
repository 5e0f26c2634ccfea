// Package cputime is for benchmarks: CPU time compares where others use the computer, too.
package cputime

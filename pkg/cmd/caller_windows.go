package cmd

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// callerID identifies the process that runs us, by its id, which Windows soon gives to another process, and its start
// time. It asks about this process alone: os.Getppid has the system list all processes.
func callerID() string {
	var own windows.PROCESS_BASIC_INFORMATION
	err := windows.NtQueryInformationProcess(windows.CurrentProcess(), windows.ProcessBasicInformation,
		unsafe.Pointer(&own), uint32(unsafe.Sizeof(own)), nil)
	if err != nil {
		return fmt.Sprint(os.Getppid())
	}
	id := uint32(own.InheritedFromUniqueProcessId)
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, id)
	if err != nil {
		return fmt.Sprint(id)
	}
	defer windows.CloseHandle(process)
	var started, ended, kernel, user windows.Filetime
	if windows.GetProcessTimes(process, &started, &ended, &kernel, &user) != nil {
		return fmt.Sprint(id)
	}
	return fmt.Sprint(id, " ", started.Nanoseconds())
}

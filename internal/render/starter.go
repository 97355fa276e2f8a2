package render

import (
	"embed"
	"fmt"
)

//go:embed starter/*.j2
var starters embed.FS

// Starter is the template to begin with on a driver's platform.
func Starter(driver string) (string, error) {
	name, ok := map[string]string{"bird": "bird2", "openconfig": "openconfig"}[driver]
	if !ok {
		return "", fmt.Errorf("no starter template for driver %q", driver)
	}
	text, err := starters.ReadFile("starter/" + name + ".j2")
	return string(text), err
}

// Prints the default roles of the Kubernetes that it is built with, as a v1.List in JSON: scripts/default-roles.ts.
// The argument sets feature gates, as the API server's --feature-gates does.
package main

import (
	"encoding/json"
	"os"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy"
)

func main() {
	if err := utilfeature.DefaultMutableFeatureGate.Set(os.Args[1]); err != nil {
		panic(err)
	}
	items := []any{}
	for _, role := range append(bootstrappolicy.ClusterRoles(), bootstrappolicy.ControllerRoles()...) {
		items = append(items, role)
	}
	for _, roles := range bootstrappolicy.NamespaceRoles() {
		for _, role := range roles {
			items = append(items, role)
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"items": items}); err != nil {
		panic(err)
	}
}

// Command encryption-oracle asks the API server's own code what it makes of EncryptionConfigurations. Each line of the input is a JSON
// object {file, reload, resources}; each line of the output says why the file is refused, or with which prefix each resource is written.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
)

type question struct {
	File      string   `json:"file"`
	Reload    bool     `json:"reload"`
	Resources []string `json:"resources"`
}

type answer struct {
	Error    string            `json:"error"`
	Prefixes map[string]string `json:"prefixes"`
}

func ask(path string, q question) answer {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := os.WriteFile(path, []byte(q.File), 0o600); err != nil {
		panic(err)
	}
	config, err := encryptionconfig.LoadEncryptionConfig(ctx, path, q.Reload, "oracle")
	if err != nil {
		return answer{Error: err.Error()}
	}
	prefixes := map[string]string{}
	transformers := encryptionconfig.StaticTransformers(config.Transformers)
	for _, resource := range q.Resources {
		written, err := transformers.TransformerForResource(schema.ParseGroupResource(resource)).
			TransformToStorage(ctx, []byte("plain"), value.DefaultContext("key"))
		switch parts := strings.SplitN(string(written), ":", 6); {
		case err != nil:
			prefixes[resource] = "fails" // a key service that does not answer
		case len(parts) < 5:
			prefixes[resource] = ""
		default:
			prefixes[resource] = strings.Join(parts[:5], ":") + ":"
		}
	}
	return answer{Prefixes: prefixes}
}

func main() {
	klog.SetLogger(klog.Logger{})
	if len(os.Args) > 2 {
		if err := utilfeature.DefaultMutableFeatureGate.Set(os.Args[2]); err != nil {
			panic(err)
		}
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	out := json.NewEncoder(os.Stdout)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			panic(err)
		}
		if err := out.Encode(ask(filepath.Join(os.Args[1], "encryption.yaml"), q)); err != nil {
			panic(err)
		}
	}
}

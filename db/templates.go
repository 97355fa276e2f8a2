package db

import (
	"peerflow/db/internal/dbsqlc"
	"peerflow/internal/peering"
)

// Templates turn a router's sessions into its configuration; those of mails and exports stand beside them.
func (d *DB) Templates() Noun[peering.Template] { return Noun[peering.Template]{d, templates} }

var templates = &kind[peering.Template]{
	object: "template",
	list: listing{table: "template", search: []string{"t.name"}, fields: map[string]field{
		"name":   {expr: "t.name", kind: word},
		"kind":   oneOf(dbsqlc.AllTemplateKindValues, "t.kind"),
		"mode":   oneOf(dbsqlc.AllTemplateModeValues, "t.mode"),
		"engine": oneOf(dbsqlc.AllTemplateEngineValues, "t.engine"),
	}},
	meta: func(t *peering.Template) *peering.Meta { return &t.Meta },
	load: loads((*dbsqlc.Queries).TemplateRows, templateOf),
	insert: writes((*dbsqlc.Queries).TemplateInsert, func(t peering.Template) dbsqlc.TemplateInsertParams {
		return dbsqlc.TemplateInsertParams(templateParams(t))
	}),
	update:   writes((*dbsqlc.Queries).TemplateUpdate, templateParams),
	remove:   removes((*dbsqlc.Queries).TemplateDelete),
	complete: (*peering.Template).Complete,
}

func templateOf(r dbsqlc.Template) peering.Template {
	return peering.Template{
		Meta: meta(r.ID, r.Version, r.CreatedAt, r.UpdatedAt),
		Name: r.Name, Kind: peering.TemplateKind(r.Kind), Subject: r.Subject, Dataset: peering.Dataset(r.Dataset), Mode: peering.TemplateMode(r.Mode), Engine: peering.TemplateEngine(r.Engine), Body: r.Body,
		Lenient: r.Lenient, TrimBlocks: r.TrimBlocks, LstripBlocks: r.LstripBlocks,
	}
}

func templateParams(t peering.Template) dbsqlc.TemplateUpdateParams {
	return dbsqlc.TemplateUpdateParams{
		Name: t.Name, Kind: dbsqlc.TemplateKind(t.Kind), Subject: t.Subject, Dataset: string(t.Dataset), Mode: dbsqlc.TemplateMode(t.Mode), Engine: dbsqlc.TemplateEngine(t.Engine), Body: t.Body,
		Lenient: t.Lenient, TrimBlocks: t.TrimBlocks, LstripBlocks: t.LstripBlocks, ID: t.ID, Version: t.Version,
	}
}
